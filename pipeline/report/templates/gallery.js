// The gallery: which queries are shown, in which order, on which page. The address after # holds all of it.
(() => {
  const section = document.querySelector(".gallery");
  if (!section) return;
  const data = JSON.parse(document.getElementById("gallery-data").textContent);
  const { queries, rows, found } = data;
  const top = section.closest("section") ?? section;
  const find = (selector) => section.querySelector(selector);
  const controls = find("form"), fields = controls.elements, list = find(".gallery-list");
  const dialog = find("dialog"), pages = find(".gallery-pages");
  const texts = queries.texts.map((text, query) => `${text}\n${queries.ids[query]}`.toLowerCase());
  const USUAL = { q: "", find: "", sort: "worst", seed: "1", row: rows[0].name, with: "", size: "10", page: "1" };
  const SORTS = new Set([...fields.sort.options].map((option) => option.value));
  let state = { ...USUAL };

  const place = (name) => rows.findIndex((row) => row.name === name);

  function enlarge(content) {
    dialog.firstElementChild.replaceChildren(content);
    dialog.showModal();
  }
  const cards = galleryCards(data, enlarge);
  list.style.setProperty("--shape", data.videos.shape);
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  // Numbers in 0..1, always the same for a seed (mulberry32).
  function randoms(seed) {
    let at = seed >>> 0;
    return () => {
      at = (at + 0x6d2b79f5) >>> 0;
      let bits = Math.imul(at ^ (at >>> 15), at | 1);
      bits = (bits + Math.imul(bits ^ (bits >>> 7), bits | 61)) ^ bits;
      return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
    };
  }

  function ordered() {
    const order = queries.ids.map((_, query) => query);
    const main = found[place(state.row)].ranks, other = state.with ? found[place(state.with)].ranks : main;
    const by = {
      worst: (a, b) => main[b] - main[a],
      best: (a, b) => main[a] - main[b],
      gain: (a, b) => (other[b] - main[b]) - (other[a] - main[a]),
      loss: (a, b) => (main[b] - other[b]) - (main[a] - other[a]),
    }[state.sort];
    if (by) return order.sort(by);
    if (state.sort === "random") {
      const random = randoms(Number(state.seed));
      for (let last = order.length - 1; last > 0; last--) {
        const chosen = Math.floor(random() * (last + 1));
        [order[last], order[chosen]] = [order[chosen], order[last]];
      }
    }
    return order;
  }

  function wanted() {
    if (state.q) return queries.ids.flatMap((id, query) => (id === state.q ? [query] : []));
    const words = state.find.toLowerCase().split(/\s+/).filter(Boolean);
    return ordered().filter((query) => words.every((word) => texts[query].includes(word)));
  }

  function said(shown) {
    const count = (value, one) => `${value.toLocaleString("en")} ${value === 1 ? one : "queries"}`;
    if (state.q && !shown.length) return `No query here has the id ${state.q}.`;
    if (!shown.length) return `0 queries of ${texts.length.toLocaleString("en")}: no caption or id has these words.`;
    const parts = [shown.length === texts.length ? count(shown.length, "query") : `${count(shown.length, "query")} of ${texts.length.toLocaleString("en")}`];
    if (state.sort === "random" && !state.q) parts[0] += `, in the random order ${state.seed}`;
    if (state.with && shown.length > 1) {
      const [first, second] = [found[place(state.row)].ranks, found[place(state.with)].ranks];
      const wins = shown.filter((query) => first[query] < second[query]).length;
      const losses = shown.filter((query) => first[query] > second[query]).length;
      parts.push(`${state.row} is better for ${count(wins, "query")}, ${state.with} for ${count(losses, "query")}, and they are alike for ${count(shown.length - wins - losses, "query")}`);
    }
    return `${parts.join("; ")}.`;
  }

  function show() {
    const shown = wanted(), size = Number(state.size), last = Math.max(1, Math.ceil(shown.length / size));
    const page = Math.min(Math.max(1, Number(state.page) || 1), last);
    state.page = String(page);
    for (const name of ["find", "sort", "row", "with", "size"]) fields[name].value = state[name];
    fields.shuffle.hidden = state.sort !== "random" || Boolean(state.q);
    fields.all.hidden = !state.q;
    for (const option of fields.sort.options) if (option.value === "gain" || option.value === "loss") option.disabled = !state.with;
    for (const option of fields.with.options) option.disabled = option.value === state.row;
    const models = [place(state.row), ...(state.with ? [place(state.with)] : [])];
    list.replaceChildren(...shown.slice((page - 1) * size, page * size).map((query) => cards.card(query, models)));
    find(".gallery-legend").replaceChildren(...cards.legend(models.find((row) => rows[row].features.length) ?? models[0]));
    find(".gallery-count").textContent = said(shown);
    find(".gallery-legend").hidden = !shown.length;
    pages.hidden = last === 1;
    pages.querySelector("span").textContent = `Page ${page.toLocaleString("en")} of ${last.toLocaleString("en")}`;
    pages.querySelector("[name=previous]").disabled = page === 1;
    pages.querySelector("[name=next]").disabled = page === last;
  }

  function change(changes) {
    state = { ...state, page: "1", q: "", ...changes };
    if (state.with === state.row) state.with = "";
    if (!state.with && (state.sort === "gain" || state.sort === "loss")) state.sort = "worst";
    const held = Object.entries(state).filter(([name, value]) => value !== USUAL[name] && (name !== "seed" || state.sort === "random"));
    try {
      history.replaceState(null, "", `#${held.length ? new URLSearchParams(held) : "gallery"}`);
    } catch { /* a page without an address of its own, such as a preview, keeps the one it has */ }
    show();
  }

  // What the address asks for; false where it is another part's.
  function recalled() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const held = Object.fromEntries([...asked].filter(([name]) => name in USUAL));
    state = { ...USUAL, ...held };
    if (!SORTS.has(state.sort)) state.sort = USUAL.sort;
    if (!["10", "25", "100"].includes(state.size)) state.size = USUAL.size;
    if (place(state.row) < 0) state.row = USUAL.row;
    if (place(state.with) < 0 || state.with === state.row) state.with = "";
    if (!state.with && (state.sort === "gain" || state.sort === "loss")) state.sort = USUAL.sort;
    return Object.keys(held).length > 0;
  }

  function turn(by) {
    change({ page: String(Number(state.page) + by), q: state.q });
    list.scrollIntoView({ block: "nearest" });
    controls.scrollIntoView({ block: "nearest" });
  }

  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.addEventListener("input", (event) => change({ [event.target.name]: event.target.value }));
  fields.shuffle.addEventListener("click", () => change({ seed: String(Number(state.seed) % 9999 + 1) }));
  fields.all.addEventListener("click", () => { change({}); fields.find.focus(); });
  pages.querySelector("[name=previous]").addEventListener("click", () => turn(-1));
  pages.querySelector("[name=next]").addEventListener("click", () => turn(1));

  function step(all, current, by) {
    const next = all[Math.min(Math.max(all.indexOf(current) + by, 0), all.length - 1)];
    if (next) next.focus();
  }

  section.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || event.target.matches("input, select")) return;
    const card = event.target.closest(".query"), hits = event.target.closest(".hits");
    const actions = {
      "/": () => fields.find.focus(),
      j: () => step([...list.children], card, 1),
      k: () => step([...list.children], card, -1),
      n: () => pages.hidden || pages.querySelector("[name=next]").click(),
      p: () => pages.hidden || pages.querySelector("[name=previous]").click(),
      ArrowRight: () => step([...(hits ?? card).querySelectorAll(".tile")], event.target, 1),
      ArrowLeft: () => step([...(hits ?? card).querySelectorAll(".tile")], event.target, -1),
    };
    const along = event.key.startsWith("Arrow");
    if (!(event.key in actions) || (along && !card)) return;
    event.preventDefault();
    actions[event.key]();
  });
  window.addEventListener("hashchange", () => { if (recalled()) { show(); top.scrollIntoView(); } });

  const asked = recalled();
  show();
  if (asked) top.scrollIntoView();
})();
