// Queries of the gallery as elements: a card with the caption, and a row of pictures for each model that is shown.
// Texts of the collection only ever become text; nothing here parses them as HTML.
function galleryCards(data, enlarge) {
  const { queries, videos, rows, found, depth } = data;
  const lost = new Set(queries.lost);
  const pictured = videos.pictures.some(Boolean);

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  const number = (value) => value.toLocaleString("en", { maximumFractionDigits: 1 });
  const score = (value) => (value === null ? "" : Math.abs(value) < 10 ? value.toFixed(3) : value.toPrecision(4));
  const colour = (place) => `var(--series-${(place % 6) + 1})`;

  function picture(video) {
    const image = element("img", { alt: "", decoding: "async" });
    image.src = `data:image/webp;base64,${videos.pictures[video]}`;
    return image;
  }

  // Shares of a video's features in percent, largest first; none where the row has none or the video has no vector.
  function sharesOf(row, video) {
    const values = rows[row].shares.length ? rows[row].shares[video] : [];
    const shares = values.map((value, place) => ({ place, name: rows[row].features[place], percent: value / 10 }));
    return shares.some((share) => share.percent > 0) ? shares : [];
  }

  function bar(shares) {
    const made = element("span", { class: "shares", "aria-hidden": "true" });
    for (const share of shares) {
      const part = element("i", {});
      part.style.width = `${share.percent}%`;
      part.style.background = colour(share.place);
      part.style.opacity = share.place < 6 ? 1 : 0.55;
      made.append(part);
    }
    return made;
  }

  // The hits to show of a query: the first ones, and as the last the right one where it is not among them.
  function hitsOf(row, query) {
    const right = queries.right[query], hits = [];
    for (let place = 0; place < depth; place++) {
      const video = found[row].hits[query * depth + place];
      if (video >= 0) hits.push({ video, place: place + 1, score: found[row].scores[query * depth + place] });
    }
    if (!hits.some((hit) => hit.video === right)) {
      hits.length = Math.min(hits.length, depth - 1);
      hits.push({ video: right, place: found[row].ranks[query], score: found[row].right[query] });
    }
    return hits.map((hit) => ({ ...hit, right: hit.video === right }));
  }

  function words(row, hit) {
    const shares = sharesOf(row, hit.video).map((share) => `${share.name} ${share.percent.toFixed(0)} %`);
    const parts = [`${hit.right ? "the right one, rank" : "rank"} ${number(hit.place)}: ${videos.ids[hit.video]}`];
    if (hit.score !== null) parts.push(`score ${score(hit.score)}`);
    if (shares.length) parts.push(shares.join(", "));
    return parts.join("; ");
  }

  function tile(row, hit) {
    const inside = videos.pictures[hit.video] ? picture(hit.video)
      : element("span", { class: "words", dir: "auto" }, videos.about[hit.video]);
    const shares = sharesOf(row, hit.video);
    const made = element("button", { type: "button", class: hit.right ? "tile right" : "tile", "aria-label": words(row, hit) },
      element("span", { class: "picture" }, inside,
        element("span", { class: "place" }, number(hit.place)), hit.right ? element("span", { class: "tick" }, "✓ right") : null),
      element("span", { class: "score" }, score(hit.score) || "\u00a0"), shares.length ? bar(shares) : null,
      element("span", { class: "id" }, videos.ids[hit.video]));
    made.addEventListener("click", () => enlarge(larger(row, hit)));
    return element("li", hit.right ? { class: "answer-right" } : {}, made);
  }

  function larger(row, hit) {
    const made = document.createDocumentFragment();
    if (videos.pictures[hit.video]) made.append(picture(hit.video));
    made.append(element("h3", { id: "gallery-larger-title" }, videos.ids[hit.video]));
    const where = `${rows[row].name}: rank ${number(hit.place)}${hit.score === null ? "" : `, score ${score(hit.score)}`}`;
    made.append(element("p", {}, where, hit.right ? element("b", {}, ", the right one") : null));
    if (videos.about[hit.video]) made.append(element("p", { dir: "auto" }, `A caption of it: ${videos.about[hit.video]}`));
    const shares = sharesOf(row, hit.video).sort((one, other) => other.percent - one.percent);
    if (shares.length) {
      const lines = shares.map((share) => element("tr", {}, element("th", { scope: "row" }, share.name),
        element("td", {}, `${share.percent.toFixed(1)} %`), element("td", { class: "long" }, bar([share]))));
      made.append(element("table", {}, element("caption", {}, "Share of each feature in its vector"), element("tbody", {}, ...lines)));
    }
    return made;
  }

  function answer(row, query, others) {
    const rank = found[row].ranks[query];
    const of = `rank ${number(rank)} of ${number(data.candidates)}`;
    const better = others.length > 0 && others.every((other) => rank < found[other].ranks[query]);
    const name = rows[row].seed === null ? rows[row].name : `${rows[row].name}, seed ${rows[row].seed}`;
    const said = lost.has(query) ? element("span", { class: "badge bad" }, "its video has no features: counts as last")
      : element("span", { class: rank === 1 ? "badge good" : "badge" }, rank === 1 ? "rank 1" : of);
    const kind = `hits of-${depth}${pictured ? "" : " texts"}`;
    return element("div", { class: "answer" },
      element("p", { class: "who" }, element("b", {}, name), said, better ? element("span", { class: "badge good" }, "better here") : null),
      element("ol", { class: kind, "aria-label": `Videos found by ${name}` }, ...hitsOf(row, query).map((hit) => tile(row, hit))));
  }

  function card(query, shown) {
    const id = queries.ids[query];
    const link = element("a", { href: `#${new URLSearchParams({ q: id })}`, class: "screen-only" }, "link");
    link.setAttribute("aria-label", `Link to the query ${id}`);
    return element("li", { class: "query", tabindex: "-1" }, element("h3", { dir: "auto" }, queries.texts[query]),
      element("p", { class: "which dim" }, `${id} `, link),
      ...shown.map((row) => answer(row, query, shown.filter((other) => other !== row))));
  }

  function legend(row) {
    const lines = rows[row].features.map((name, place) => {
      const mark = element("i", { "aria-hidden": "true" });
      mark.style.background = colour(place);
      mark.style.opacity = place < 6 ? 1 : 0.55;
      return element("li", {}, mark, name);
    });
    return lines.length ? [element("li", { class: "dim" }, `Shares of the features, by ${rows[row].name}:`), ...lines] : [];
  }

  return { card, legend };
}
