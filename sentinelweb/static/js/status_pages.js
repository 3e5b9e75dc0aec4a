// Drags monitors to their places, or moves them by the arrow keys. What is saved are the numbers.

const list = document.querySelector("[data-sortable]");

function renumber() {
  list.querySelectorAll(".page-item-number").forEach((input, index) => { input.value = index + 1; });
}

function move(item, before) {
  list.insertBefore(item, before);
  renumber();
}

list?.addEventListener("keydown", (event) => {
  if (!event.target.closest("[data-handle]")) return;
  const item = event.target.closest("li");
  if (event.key === "ArrowUp" && item.previousElementSibling) move(item, item.previousElementSibling);
  else if (event.key === "ArrowDown" && item.nextElementSibling) move(item, item.nextElementSibling.nextElementSibling);
  else return;
  event.preventDefault();
  event.target.closest("[data-handle]").focus();
});

list?.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-handle]");
  if (!handle || event.button) return;
  const item = handle.closest("li");
  item.classList.add("page-item-moving");

  const follow = ({ clientY }) => {
    const others = [...list.children].filter((other) => other !== item);
    const below = others.find((other) => {
      const box = other.getBoundingClientRect();
      return clientY < box.top + box.height / 2;
    }) ?? null;
    if (below !== item.nextElementSibling) move(item, below);
  };
  // On the document: a captured pointer is lost whenever its element moves.
  const moving = new AbortController();
  const drop = () => {
    moving.abort();
    item.classList.remove("page-item-moving");
  };
  document.addEventListener("pointermove", follow, { signal: moving.signal });
  document.addEventListener("pointerup", drop, { signal: moving.signal });
  document.addEventListener("pointercancel", drop, { signal: moving.signal });
});
