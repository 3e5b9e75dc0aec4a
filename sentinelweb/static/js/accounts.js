// What the forms of accounts do better with a script.

for (const button of document.querySelectorAll("[data-shows]")) {
  const input = document.getElementById(button.dataset.shows);
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // A browser remembers what was typed into a text field.
  input.form.addEventListener("submit", () => show(false));
}

for (const input of document.querySelectorAll("[data-browser-timezone]")) {
  input.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}
