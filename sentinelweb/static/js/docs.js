// Tries an operation with the key that was typed, which is kept nowhere.

const key = document.querySelector("#docs-key");

for (const element of document.querySelectorAll(".docs-key, .docs-try")) element.hidden = false;

function address(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("[data-in]")) {
    if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.value) query.append(input.name, input.value);
  }
  return query.size ? `${path}?${query}` : path;
}

async function send(form) {
  const headers = { Accept: "application/json" };
  if (key.value) headers.Authorization = `Bearer ${key.value}`;
  const body = form.querySelector("[data-body]")?.value || undefined;
  if (body) headers["Content-Type"] = "application/json";
  // Without cookies: it is tried as a program would.
  const answer = await fetch(address(form), { method: form.dataset.method, headers, body, credentials: "omit" });
  let text = await answer.text();
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* it is shown as it came */ }
  return `${answer.status} ${answer.statusText}\n\n${text}`;
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest(".docs-try");
  if (!form) return;
  event.preventDefault();
  const shown = form.querySelector(".docs-answer");
  shown.hidden = false;
  shown.textContent = "…";
  try {
    shown.textContent = await send(form);
  } catch (error) {
    shown.textContent = String(error);
  }
});
