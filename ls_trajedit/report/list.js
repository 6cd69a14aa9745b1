// A list of any length, of which only what is near the window is there. It is cut into blocks; an empty block is as high
// as its rows are thought to be, or as they were.
const reportList = (() => {
  "use strict";

  const ROWS = 10;
  const NEAR = "900px 0px";
  // Milliseconds of work before the page may breathe.
  const BUDGET = 8;

  // Shows rows in `container`. `make(row, number)` gives a row's element, `guess(row)` its height in pixels.
  function create(container, make, guess) {
    let rows = [];
    let blocks = [];
    const waiting = new Set();
    let isScheduled = false;
    let isPrinting = false;
    const observer = new IntersectionObserver(seen, { rootMargin: NEAR });

    function seen(entries) {
      for (const { target, isIntersecting } of entries) {
        const block = blocks[Number(target.dataset.block)];
        if (block?.element !== target) continue;
        block.isNear = isIntersecting;
        if (isIntersecting && block.filled < block.length) waiting.add(block);
        else if (!isIntersecting && !isPrinting) {
          waiting.delete(block);
          empty(block);
        }
      }
      schedule();
    }

    function schedule() {
      if (isScheduled || !waiting.size) return;
      isScheduled = true;
      requestAnimationFrame(work);
    }

    function work() {
      isScheduled = false;
      const end = performance.now() + BUDGET;
      const middle = window.innerHeight / 2;
      const distance = (block) => Math.abs(block.element.getBoundingClientRect().top - middle);
      const ordered = [...waiting].map((block) => [distance(block), block]).sort((one, other) => one[0] - other[0]);
      for (const [, block] of ordered) {
        while (block.filled < block.length) {
          if (performance.now() > end) return schedule();
          fillOne(block);
        }
        settle(block);
      }
    }

    function fillOne(block) {
      const number = block.start + block.filled++;
      block.element.append(make(rows[number], number));
    }

    function settle(block) {
      waiting.delete(block);
      block.element.style.minHeight = "";
    }

    function fill(block) {
      while (block.filled < block.length) fillOne(block);
      settle(block);
    }

    // What somebody has the focus in, or has marked, stays.
    function empty(block) {
      const { element } = block;
      if (!block.filled || element.contains(document.activeElement) || document.getSelection().containsNode(element, true)) return;
      element.style.minHeight = `${element.offsetHeight}px`;
      element.replaceChildren();
      block.filled = 0;
    }

    function show(newRows) {
      rows = newRows;
      observer.disconnect();
      waiting.clear();
      blocks = [];
      for (let start = 0; start < rows.length; start += ROWS) {
        const element = document.createElement("div");
        const length = Math.min(ROWS, rows.length - start);
        let height = 0;
        for (let number = start; number < start + length; number++) height += guess(rows[number]);
        element.style.minHeight = `${height}px`;
        element.dataset.block = blocks.length;
        blocks.push({ element, start, length, filled: 0, isNear: false });
      }
      container.replaceChildren(...blocks.map((block) => block.element));
      for (const block of blocks) observer.observe(block.element);
    }

    // Brings the row to the top of the window and gives it the focus.
    function reveal(number) {
      const block = blocks[Math.floor(number / ROWS)];
      fill(block);
      const row = block.element.children[number - block.start];
      row.scrollIntoView({ block: "start" });
      row.focus({ preventScroll: true });
    }

    // Everything up to the row `most`, to stay until `emptyFar`: for the printer. Returns how many rows are left out.
    function fillUpTo(most) {
      isPrinting = true;
      for (const block of blocks) {
        if (block.start < most) fill(block);
        block.element.classList.toggle("unprinted", block.start >= most);
      }
      return rows.slice(Math.ceil(most / ROWS) * ROWS).length;
    }

    function emptyFar() {
      isPrinting = false;
      for (const block of blocks) if (!block.isNear) empty(block);
    }

    return { emptyFar, fillUpTo, reveal, show };
  }

  return { create };
})();
