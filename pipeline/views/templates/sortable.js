// Tables of class "sortable": each name of a column becomes a button that sorts by it, and once more the other way.
// Numbers go by the first number of a cell, so that a spread, a star or a dagger behind it does not count.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const first = [...body.rows];
  const number = (cell) => {
    const found = cell.textContent.replaceAll(",", "").match(/[-−]?\d+(\.\d+)?/);
    return found ? Number(found[0].replace("−", "-")) : NaN;
  };

  function sort(column, direction) {
    const words = heads[column].classList.contains("words") || column === 0;
    const key = (row) => (words ? row.cells[column].textContent : number(row.cells[column]));
    const sign = direction === "ascending" ? 1 : -1;
    const order = first.map((row) => ({ row, key: key(row) }));
    const empty = (one) => one.key === "" || Number.isNaN(one.key);
    order.sort((a, b) => empty(a) - empty(b) || (empty(a) ? 0 : sign * (words ? a.key.localeCompare(b.key) : a.key - b.key)));
    body.append(...order.map((one) => one.row));
    heads.forEach((head, at) => (at === column ? head.setAttribute("aria-sort", direction) : head.removeAttribute("aria-sort")));
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const start = head.dataset.first ?? (column === 0 ? "ascending" : "descending");
      const other = start === "ascending" ? "descending" : "ascending";
      sort(column, head.getAttribute("aria-sort") === start ? other : start);
    });
  });
}
