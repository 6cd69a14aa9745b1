// Keeps what is typed. Label Studio takes the text of a box when the focus leaves it, and Escape discards what was
// typed since the focus arrived. So Escape does nothing here, and a short pause in typing does what leaving would do,
// without moving the focus: Label Studio then saves its draft as after any other change.
const keepTyping = (() => {
  const PAUSE_MS = 1000;
  let pending = 0;

  function isOurs(box) {
    return box?.localName === "textarea" && box.closest(`.${pageFields.ROOT}`) !== null;
  }

  function onKeyDown(event) {
    if (event.key === "Escape" && isOurs(event.target)) event.stopImmediatePropagation();
  }

  function onInput(event) {
    if (!isOurs(event.target)) return;
    clearTimeout(pending);
    pending = setTimeout(commit, PAUSE_MS, event.target);
  }

  function onHide() {
    if (isOurs(document.activeElement)) commit(document.activeElement);
  }

  function commit(box) {
    clearTimeout(pending);
    // With Auto-Annotation on, each change asks a backend, whose answer may replace the box while the person is typing.
    if (!box.isConnected || box !== document.activeElement || pageFields.isAutoAnnotating()) return;
    // React's onBlur listens to this event only.
    box.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
  }

  function start() {
    window.addEventListener("keydown", onKeyDown, true);
    window.addEventListener("input", onInput, true);
    window.addEventListener("pagehide", onHide);
    document.addEventListener("visibilitychange", onHide);
  }

  function stop() {
    clearTimeout(pending);
    window.removeEventListener("keydown", onKeyDown, true);
    window.removeEventListener("input", onInput, true);
    window.removeEventListener("pagehide", onHide);
    document.removeEventListener("visibilitychange", onHide);
  }

  // Replaces the text of the box with `text` as a person would, so that the browser's undo can take it back.
  function replace(box, text) {
    box.focus();
    box.select();
    const done = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
    if (!done) {
      const setter = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
      setter.call(box, text);
      box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
    commit(box);
  }

  return { replace, start, stop };
})();
