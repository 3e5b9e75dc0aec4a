// What a page does better with a script. Every action works without one.

const language = document.documentElement.lang;

// Relative times: the server writes `<time datetime data-relative>` once; the browser keeps it true.

const relativeFormat = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "always" });
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

function relativeText(seconds) {
  const size = Math.abs(seconds);
  const [unit, length] = UNITS.find(([, length]) => size >= length) ?? UNITS.at(-1);
  return relativeFormat.format(Math.trunc(seconds / length), unit);
}

function showTimes(root = document) {
  for (const time of root.querySelectorAll("time[data-relative]")) {
    if (!time.title) time.title = time.textContent;
    const seconds = Math.round((Date.parse(time.dateTime) - Date.now()) / 1000);
    // A job that is due "in -3 s" is due now; one seen "in 1 s" is a matter of two clocks.
    const bounded = time.dataset.relative === "ago" ? Math.min(seconds, 0) : seconds;
    const text = relativeText(bounded);
    if (time.textContent !== text) time.textContent = text;
  }
}

function showAbsoluteTimes() {
  for (const time of document.querySelectorAll("time[data-relative][title]")) {
    time.textContent = time.title;
  }
}

// Copying

function showCopyButtons(root = document) {
  if (!navigator.clipboard && !document.queryCommandSupported?.("copy")) return;
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Browsers offer the clipboard on https and localhost only; many monitors live on plain http.
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copyText(button.dataset.copy);
  button.focus();
  button.classList.add("copied");
  announce(button.dataset.copied);
  setTimeout(() => button.classList.remove("copied"), 1_600);
});

// Announcements for screen readers

function announce(text) {
  const place = document.getElementById("announcer");
  if (place && text) place.textContent = text;
}

// Theme: shown at once, kept by the server in a cookie.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]") || !event.submitter) return;
  event.preventDefault();
  const theme = event.submitter.value;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of form.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button === event.submitter));
  }
  const body = new FormData(form);
  body.append("theme", theme);
  fetch(form.action, { method: "POST", body: new URLSearchParams(body), redirect: "manual" });
});

// Menus: where the browser cannot anchor a popover to its button, put it there.

if (!CSS.supports("position-area: bottom span-left")) {
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.(".menu") || event.newState !== "open") return;
    const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    const below = button.bottom + height < innerHeight;
    menu.style.margin = "0";
    menu.style.inset = "auto";
    menu.style.left = `${Math.max(8, button.right - width)}px`;
    menu.style.top = `${below ? button.bottom : Math.max(8, button.top - height)}px`;
  }, true);
}

// Live regions: `[data-live]` asks for its own fragment every few seconds.

const brand = document.title;

function isPoll(element) {
  return element instanceof Element && element.matches("[data-live]");
}

function statusesIn(region) {
  return new Map([...region.querySelectorAll("[data-status]")].map((element) => [
    element.id,
    { status: element.dataset.status, text: element.dataset.announce },
  ]));
}

function showTrouble() {
  const region = document.querySelector("[data-live]");
  const down = Number(region?.dataset.down ?? 0);
  const icon = document.getElementById("favicon");
  const href = down ? icon.dataset.down : icon.dataset.well;
  if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
  if (region?.dataset.title) document.title = region.dataset.title;
}

let before = new Map();

document.addEventListener("htmx:before:request", (event) => {
  const { ctx } = event.detail;
  if (isPoll(ctx.sourceElement) && document.hidden) event.preventDefault();
});

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  if (!isPoll(ctx.sourceElement)) return;
  // Logged out meanwhile: the answer is another page.
  if (ctx.response.raw.redirected) {
    event.preventDefault();
    location.reload();
  } else {
    showLost(ctx.response.status >= 400 && ctx.response.status);
    if (ctx.response.status >= 400) event.preventDefault();
  }
});

document.addEventListener("htmx:error", (event) => {
  if (isPoll(event.detail.ctx?.sourceElement)) showLost(true);
});

function showLost(lost) {
  const notice = document.getElementById("connection-lost");
  if (notice && notice.hidden === Boolean(lost)) notice.hidden = !lost;
}

document.addEventListener("htmx:before:swap", (event) => {
  if (isPoll(event.detail.ctx.sourceElement)) before = statusesIn(event.detail.ctx.sourceElement);
});

document.addEventListener("htmx:after:swap", (event) => {
  showTimes();
  showCopyButtons();
  if (!event.detail.ctx.target?.matches?.("[data-live]")) return;
  showTrouble();
  const news = [];
  for (const [id, { status, text }] of statusesIn(document)) {
    const known = before.get(id);
    if (!known || known.status === status) continue;
    news.push(text);
    const element = document.getElementById(id);
    element.classList.remove("changed");
    void element.offsetWidth; // starts the animation again
    element.classList.add("changed");
  }
  if (news.length) announce(news.join(". "));
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  showTimes();
  const region = document.querySelector("[data-live]");
  if (region) htmx.trigger(region, "refresh");
});

// A person opened it: the server's copy, which is always closed, must not close it.
htmx.registerExtension("keep-open", {
  htmx_before_morph_attr: (element, detail) =>
    !(detail.attrName === "open" && element instanceof HTMLDetailsElement),
});

// Forms: presets fill fields, and a filter form needs no button.

document.addEventListener("click", (event) => {
  const preset = event.target.closest("[data-fill]");
  if (!preset) return;
  for (const [id, value] of Object.entries(JSON.parse(preset.dataset.fill))) {
    const field = document.getElementById(id);
    field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

addEventListener("beforeprint", showAbsoluteTimes);
addEventListener("afterprint", () => showTimes());
for (const element of document.querySelectorAll("[data-scripted]")) element.hidden = false;
showCopyButtons();
showTimes();
showTrouble();
setInterval(() => document.hidden || showTimes(), 1_000);
