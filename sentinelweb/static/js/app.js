// What a page does better with a script. Every action works without one.

const language = document.documentElement.lang;

// Relative times: the server writes `<time datetime data-relative>` once; the browser keeps it true.

const fullFormat = makeFullFormat();
const relativeFormat = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "always" });
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

function makeFullFormat() {
  const options = { dateStyle: "medium", timeStyle: "long" };
  try {
    const timeZone = document.documentElement.dataset.timezone;
    return new Intl.DateTimeFormat(language, { ...options, timeZone });
  } catch { // a time zone that is newer than the browser
    return new Intl.DateTimeFormat(language, options);
  }
}

function relativeText(seconds) {
  const size = Math.abs(seconds);
  const [unit, length] = UNITS.find(([, length]) => size >= length) ?? UNITS.at(-1);
  return relativeFormat.format(Math.trunc(seconds / length), unit);
}

function showTimes(root = document) {
  for (const time of root.querySelectorAll("time:not([title])")) {
    time.title = fullFormat.format(new Date(time.dateTime));
  }
  for (const time of root.querySelectorAll("time[data-relative]")) {
    const seconds = Math.round((Date.parse(time.dateTime) - Date.now()) / 1000);
    // What happened "in 1 s" is a matter of two clocks.
    const text = relativeText(time.dataset.relative === "ago" ? Math.min(seconds, 0) : seconds);
    if (time.textContent !== text) time.textContent = text;
  }
}

function showAbsoluteTimes() {
  for (const time of document.querySelectorAll("time[data-relative][title]")) {
    time.textContent = time.title;
  }
}

// What only a script can do is hidden without one, and what a script makes needless goes.

function showScripted(root = document) {
  for (const element of root.querySelectorAll("[data-scripted]")) element.hidden = false;
  for (const element of root.querySelectorAll("[data-unscripted]")) element.hidden = true;
}

// Words for the eye and for screen readers

function announce(text) {
  const place = document.getElementById("announcer");
  if (place) place.textContent = text;
}

function notify(text) {
  const toast = document.getElementById("toast");
  toast.querySelector("span").textContent = text;
  toast.hidden = false;
  announce(text);
  clearTimeout(notify.timeout);
  notify.timeout = setTimeout(() => { toast.hidden = true; }, 4_000);
}

document.addEventListener("notify", (event) => notify(event.detail.text));

// Copying

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Browsers offer the clipboard on https and localhost only; many monitors live on plain http.
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "offscreen";
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
  button.closest("[popover]")?.hidePopover();
  if (!button.matches(".copy-button")) return notify(button.dataset.copied);
  announce(button.dataset.copied);
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1_600);
});

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
  const body = new URLSearchParams(new FormData(form));
  body.append("theme", theme);
  // It must arrive though the next page is opened at once.
  fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true });
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

document.addEventListener("htmx:after:request", (event) => {
  event.detail.ctx.sourceElement.closest?.("[popover]")?.hidePopover();
});

// What the reader opened stays open when its surroundings are refreshed.
htmx.config.morphIgnore.push("open");

// Live regions: `[data-live]` asks for itself every few seconds, and answers 204 while nothing changed.

const isLive = (element) => element instanceof Element && element.matches("[data-live]");
let statusesBefore = new Map();

function statuses() {
  const rows = [...document.querySelectorAll("[data-status]")];
  return new Map(rows.map((row) => [row.id, row.dataset.status]));
}

function showTrouble() {
  const region = document.querySelector("[data-live]");
  if (!region) return;
  const icon = document.getElementById("favicon");
  const href = Number(region.dataset.down) ? icon.dataset.down : icon.dataset.well;
  if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
  document.title = region.dataset.title;
}

function showLost(lost) {
  const notice = document.getElementById("connection-lost");
  if (notice) notice.hidden = !lost;
}

function showChanges() {
  const news = [];
  for (const [id, status] of statuses()) {
    if (!statusesBefore.has(id) || statusesBefore.get(id) === status) continue;
    const row = document.getElementById(id);
    news.push(row.dataset.announce);
    row.classList.remove("changed");
    void row.offsetWidth; // so that the animation starts again
    row.classList.add("changed");
  }
  if (news.length) announce(news.join(". "));
}

document.addEventListener("htmx:before:request", (event) => {
  if (isLive(event.detail.ctx.sourceElement) && document.hidden) event.preventDefault();
});

document.addEventListener("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  if (!isLive(ctx.sourceElement)) return;
  const failed = ctx.response.status >= 400;
  showLost(failed);
  if (failed) event.preventDefault();
  // Logged out meanwhile: the answer is another page. Deleted meanwhile: there is none.
  if (ctx.response.raw.redirected || ctx.response.status === 404) {
    event.preventDefault();
    location.reload();
  }
});

document.addEventListener("htmx:error", (event) => {
  if (isLive(event.detail.ctx?.sourceElement)) showLost(true);
});

document.addEventListener("htmx:before:swap", () => { statusesBefore = statuses(); });

document.addEventListener("htmx:after:swap", (event) => {
  showScripted();
  showTimes();
  const { target, sourceElement } = event.detail.ctx;
  if (!isLive(target)) return;
  showTrouble();
  showChanges();
  // A filter was changed: the address is that of what is shown, for reloading and sharing.
  const region = document.querySelector("[data-live]");
  if (!isLive(sourceElement) && region.dataset.url) history.replaceState(null, "", region.dataset.url);
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  showTimes();
  const region = document.querySelector("[data-live]");
  if (region) htmx.trigger(region, "refresh");
});

// Presets fill fields.

document.addEventListener("click", (event) => {
  const preset = event.target.closest("[data-fill]");
  if (!preset) return;
  for (const [id, value] of Object.entries(JSON.parse(preset.dataset.fill))) {
    document.getElementById(id).value = value;
  }
});

document.querySelector("[aria-invalid=true]")?.focus();
addEventListener("beforeprint", showAbsoluteTimes);
addEventListener("afterprint", () => showTimes());
showScripted();
showTimes();
showTrouble();
setInterval(() => document.hidden || showTimes(), 1_000);
