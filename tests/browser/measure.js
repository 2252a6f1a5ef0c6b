// Opens what is folded and measures the page as it is drawn then, in a window of the width that is given; measured.py
// names what is measured.
const marks = "rect, circle, ellipse, line, path, polyline, polygon";
const capital = 0.73, descent = 0.2; // reach of letters above and below their base line, over the size of the font

document.querySelectorAll("details").forEach((element) => { element.open = true; });

function isShown(element) {
  return element.getClientRects().length > 0 && element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
}

function placed(element, left, top, right, bottom, origin) {
  const matrix = element.getScreenCTM();
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map(
    ([x, y]) => new DOMPoint(x, y).matrixTransform(matrix));
  const xs = corners.map((point) => point.x - origin.left), ys = corners.map((point) => point.y - origin.top);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function inkOfText(text, origin) {
  const size = parseFloat(getComputedStyle(text).fontSize), box = text.getBBox();
  const base = text.getStartPositionOfChar(0).y;
  return placed(text, box.x, base - capital * size, box.x + box.width, base + descent * size, origin);
}

function isBefore(element, other) {
  return Boolean(element.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
}

function background(text, under) {
  const box = text.element.getBoundingClientRect();
  const middle = new DOMPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
  const filled = under.filter((mark) => mark.fill !== "none" &&
    mark.element.isPointInFill(middle.matrixTransform(mark.element.getScreenCTM().inverse())));
  return filled.length ? filled[filled.length - 1].fill : "rgb(255, 255, 255)";
}

function picture(svg) {
  const origin = svg.getBoundingClientRect(), scale = svg.getScreenCTM().a;
  const drawn = [...svg.querySelectorAll(marks)].filter((element) => !element.closest("defs") && isShown(element));
  const painted = drawn.map((element) => {
    const box = element.getBBox(), style = getComputedStyle(element);
    const half = element.tagName === "line" ? parseFloat(style.strokeWidth) / 2 : 0;
    return {
      element, kind: element.tagName, fill: style.fill, stroke: style.stroke, dash: style.strokeDasharray,
      box: placed(element, box.x - half, box.y - half, box.x + box.width + half, box.y + box.height + half, origin),
    };
  });
  const written = [...svg.querySelectorAll("text")].filter((element) => element.textContent.trim() && isShown(element));
  const texts = written.map((element) => {
    const style = getComputedStyle(element);
    const text = { element, content: element.textContent, colour: style.fill, size: parseFloat(style.fontSize) * scale,
                   box: inkOfText(element, origin) };
    const under = painted.filter((mark) => isBefore(mark.element, element));
    return { ...text, background: background(text, under), under: under.length };
  });
  const bare = ({ element, ...rest }) => rest;
  return { name: svg.getAttribute("aria-label") || "", role: svg.getAttribute("role") || "", width: origin.width,
           height: origin.height, marks: painted.map(bare), texts: texts.map(bare) };
}

function behind(element) {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!/, 0\)$/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
}

function words() {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.textContent.trim() || parent.closest("svg") || !isShown(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()], style = getComputedStyle(parent);
    found.push({ content: node.textContent.trim(), size: parseFloat(style.fontSize), colour: style.color,
                 background: behind(parent), scrolled: parent.closest(".scroll") !== null,
                 right: Math.max(...boxes.map((box) => box.right)) });
  }
  return found;
}

function plain(text) {
  return text.replace(/\s+/g, " ").trim(); // also of blanks that do not break
}

function table(element) {
  const cells = (row) => [...row.cells].map((cell) => plain(cell.innerText));
  const title = element.closest("article")?.querySelector("h3");
  return { title: title ? title.innerText : "", head: [...element.querySelectorAll("thead tr")].flatMap(cells),
           rows: [...element.querySelectorAll("tbody tr")].map(cells) };
}

return {
  title: document.title,
  language: document.documentElement.lang,
  width: arguments[0],
  reach: Math.max(document.documentElement.scrollWidth, document.body.scrollWidth),
  text: plain(document.body.innerText),
  words: words(),
  headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((heading) =>
    [Number(heading.tagName[1]), heading.innerText]),
  links: [...document.querySelectorAll("a[href]")].map((link) => [link.getAttribute("href"), link.href, link.innerText]),
  anchors: [...document.querySelectorAll("[id]")].map((element) => element.id),
  images: [...document.querySelectorAll("img")].map((image) => [image.src, image.alt]),
  tables: [...document.querySelectorAll("table")].map(table),
  pictures: [...document.querySelectorAll("svg")].filter((svg) => !svg.parentElement.closest("svg")).map(picture),
};
