/* The pointer over a picture: spots that show words, and report clicks, drags and hovers to the kernel.
 *
 * A scene is {serial, alt, spots}; a spot is {box, rows, columns, tips, gesture, round}, its box in shares of the
 * picture. `tips` is a list by row and column, or null: then the kernel is asked. `gesture` is null where a spot moves
 * nothing. One message is under way at a time: clicks and drops wait their turn, of moves only the newest is kept, and
 * the kernel's acknowledgement sends the next one. Words that are known here never wait for the kernel.
 */
const PATIENCE = 100; // ms until a sign says that the kernel is working
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function make(kind, parent, attributes = {}) {
  const node = document.createElement("div");
  node.className = `course-${kind}`;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return parent.appendChild(node);
}

/* A place is {spot, row, column}: the index of a spot and a region of it. */
const same = (a, b) => a === b || (a && b && a.spot === b.spot && a.row === b.row && a.column === b.column);

function region(scene, place) {
  const { box: [left, top, width, height], rows, columns } = scene.spots[place.spot];
  const size = [width / columns, height / rows];
  return { left: left + place.column * size[0], top: top + place.row * size[1], width: size[0], height: size[1] };
}

/* What is framed: the region, or an outline around its middle as far as it lies on the picture. */
function framed(scene, place) {
  const { outline } = scene.spots[place.spot];
  if (!outline) return region(scene, place);
  const [x, y] = middle(scene, place);
  const [left, top] = [Math.max(0, x - outline[0] / 2), Math.max(0, y - outline[1] / 2)];
  return { left, top, width: Math.min(1, x + outline[0] / 2) - left, height: Math.min(1, y + outline[1] / 2) - top };
}

function middle(scene, place) {
  const { left, top, width, height } = region(scene, place);
  return [left + width / 2, top + height / 2];
}

/* The region of a spot that is nearest to a point. */
function nearest(scene, spot, x, y) {
  const { box: [left, top, width, height], rows, columns } = scene.spots[spot];
  const row = clamp(Math.floor(((y - top) / height) * rows), 0, rows - 1);
  return { spot, row, column: clamp(Math.floor(((x - left) / width) * columns), 0, columns - 1) };
}

/* The smallest region under a point; of equal ones the last. */
function hit(scene, x, y) {
  let best = null, least = Infinity;
  scene.spots.forEach(({ box: [left, top, width, height], rows, columns, round }, spot) => {
    const across = (x - left) / width, down = (y - top) / height;
    const inside = round ? Math.hypot(across - 0.5, down - 0.5) <= 0.5 : across >= 0 && across < 1 && down >= 0 && down < 1;
    const size = (width * height) / (rows * columns);
    if (inside && size <= least) [best, least] = [nearest(scene, spot, x, y), size];
  });
  return best;
}

/* The next region in a direction, for the arrow keys: inside a grid its neighbour, else the nearest spot that way. */
function next(scene, place, [dx, dy], shape) {
  const { rows, columns } = scene.spots[place.spot];
  const [row, column] = [place.row + dy, place.column + dx];
  if (row >= 0 && row < rows && column >= 0 && column < columns) return { spot: place.spot, row, column };
  const [x, y] = middle(scene, place);
  let best = null, least = Infinity;
  scene.spots.forEach((_, spot) => {
    if (spot === place.spot) return;
    const other = nearest(scene, spot, x, y), [u, v] = middle(scene, other);
    const [a, b] = [(u - x) * shape[0], (v - y) * shape[1]];
    const along = a * dx + b * dy, aside = Math.abs(a * dy) + Math.abs(b * dx);
    if (along > 0.5 && along + 2 * aside < least) [best, least] = [other, along + 2 * aside];
  });
  return best;
}

function render({ model, el }) {
  el.classList.add("course-pointer");
  const cursor = make("cursor", el, { tabindex: "0", role: "button" });
  const tip = make("tip", el, { role: "tooltip" });
  const said = make("said", el, { "aria-live": "polite" });
  const busy = make("busy", el, { role: "status" });
  let scene = model.get("scene"), here = null, at = null, dragged = null, picture = null, group = null, over = false;
  let underWay = null, newest = null, question = null, waiting = [], timer = 0;
  const known = new Map(); // words that the kernel was asked for

  // -- what is shown ---------------------------------------------------------------------------------------------
  function words(place) {
    const { tips, columns } = scene.spots[place.spot];
    return tips ? tips[place.row * columns + place.column] : known.get([place.spot, place.row, place.column].join());
  }

  function write(place) {
    const text = words(place);
    if (text === undefined) {
      question = { kind: "ask", serial: scene.serial, ...place };
      send();
      return;
    }
    tip.textContent = text;
    tip.classList.toggle("course-here", text !== "");
    cursor.setAttribute("aria-label", text || scene.alt);
    if (document.activeElement === cursor) said.textContent = text;
    const [wide, tall] = [el.clientWidth, el.clientHeight], { left, top, width, height } = region(scene, place);
    const [x, y] = at ?? [left + width, top + height];
    const [w, h] = [tip.offsetWidth, tip.offsetHeight];
    const right = x * wide + 14, below = y * tall + 16;
    tip.style.left = `${clamp(right + w <= wide ? right : x * wide - w - 10, 0, Math.max(0, wide - w))}px`;
    tip.style.top = `${below + h <= tall || y < 0.5 ? below : y * tall - h - 10}px`;
  }

  function show(place) {
    here = place;
    cursor.classList.toggle("course-here", place !== null);
    const gesture = place && scene.spots[place.spot].gesture;
    el.classList.toggle("course-clicks", gesture === "click");
    el.classList.toggle("course-drags", gesture === "drag");
    if (!place) {
      tip.classList.remove("course-here");
      return;
    }
    for (const [name, share] of Object.entries(framed(scene, place))) cursor.style[name] = `${100 * share}%`;
    cursor.style.borderRadius = scene.spots[place.spot].round ? "50%" : "0";
    write(place);
  }

  function fit() {
    if (!picture) return;
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = picture;
    Object.assign(el.style, { left: `${offsetLeft}px`, top: `${offsetTop}px`, width: `${offsetWidth}px`, height: `${offsetHeight}px` });
  }

  function renew() {
    const point = here && middle(scene, here);
    scene = model.get("scene");
    el.courseScene = scene; // for tests and benchmarks
    known.clear();
    if (picture) picture.alt = scene.alt;
    cursor.hidden = scene.spots.length === 0;
    cursor.setAttribute("aria-label", scene.alt);
    if (dragged !== null) show(reached(...at));
    else if (at && over) show(hit(scene, ...at));
    else if (point && document.activeElement === cursor) show(hit(scene, ...point) ?? first());
    else show(null);
  }

  // -- the kernel ------------------------------------------------------------------------------------------------
  function working() {
    clearTimeout(timer);
    timer = setTimeout(() => { busy.textContent = "working …"; busy.classList.add("course-here"); }, PATIENCE);
  }

  function ready() {
    clearTimeout(timer);
    busy.classList.remove("course-here");
  }

  function send() {
    if (underWay) return;
    underWay = waiting.shift() ?? newest ?? question;
    if (underWay === newest) newest = null;
    if (underWay === question) question = null;
    if (!underWay) return;
    if (underWay.kind === "pick") working();
    model.send(underWay);
  }

  function pick(place, sure) {
    const message = { kind: "pick", serial: scene.serial, ...place };
    if (sure) [newest, waiting] = [null, [...waiting, message]];
    else newest = message;
    send();
  }

  function heard(message) {
    if (message.kind === "busy") working();
    if (message.kind === "ready") ready();
    if (message.kind !== "ack") return;
    const answered = underWay;
    underWay = null;
    if (answered?.kind === "pick") ready();
    if (answered?.kind === "ask" && answered.serial === scene.serial) {
      known.set([answered.spot, answered.row, answered.column].join(), message.tip);
      if (same(here, answered)) write(here);
    }
    send();
  }

  // -- the hand --------------------------------------------------------------------------------------------------
  function share(event) {
    const frame = el.getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
  }

  /* While dragging: the nearest region of the same kind, however far the pointer has strayed. */
  function reached(x, y) {
    let best = null, least = Infinity;
    scene.spots.forEach((spot, index) => {
      if (spot.of !== dragged) return;
      const place = nearest(scene, index, x, y), [u, v] = middle(scene, place), far = Math.hypot(u - x, v - y);
      if (far < least) [best, least] = [place, far];
    });
    return best;
  }

  el.addEventListener("pointermove", (event) => {
    [at, over] = [share(event), true];
    const place = dragged === null ? hit(scene, ...at) : reached(...at);
    const gesture = place && scene.spots[place.spot].gesture;
    const moved = !same(place, here);
    show(place);
    if (moved && place && (dragged !== null || gesture === "hover")) pick(place, false);
  });
  el.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    [at, over] = [share(event), true];
    const place = hit(scene, ...at), gesture = place && scene.spots[place.spot].gesture;
    show(place);
    if (gesture === "drag") {
      dragged = scene.spots[place.spot].of;
      el.setPointerCapture(event.pointerId);
      pick(place, false);
    }
  });
  el.addEventListener("pointerup", (event) => {
    if (dragged !== null) {
      const place = reached(...share(event));
      dragged = null;
      if (place) pick(place, true);
    } else if (event.button === 0 && here && scene.spots[here.spot].gesture) pick(here, true);
  });
  el.addEventListener("pointercancel", () => { dragged = null; });
  el.addEventListener("pointerleave", () => {
    over = false;
    if (dragged === null && document.activeElement !== cursor) show(null);
  });
  for (const kind of ["dragstart", "selectstart"]) el.addEventListener(kind, (event) => event.preventDefault());

  // -- the keyboard ----------------------------------------------------------------------------------------------
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function first() {
    return scene.spots.length ? { spot: 0, row: 0, column: 0 } : null;
  }

  cursor.addEventListener("focus", () => { at = null; show(here ?? first()); });
  cursor.addEventListener("blur", () => { said.textContent = ""; if (!over) show(null); });
  cursor.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const way = ARROWS[event.key];
    if (way && here) {
      at = null;
      show(next(scene, here, way, [el.clientWidth, el.clientHeight]) ?? here);
    } else if ((event.key === "Enter" || event.key === " ") && here) {
      if (scene.spots[here.spot].gesture) pick(here, true);
    } else if (event.key === "Escape") tip.classList.remove("course-here");
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  /* JupyterLab would take the letters and arrows that are meant for a list or a slider. */
  function keep(event) {
    event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  // -- beside the picture ----------------------------------------------------------------------------------------
  const watch = new ResizeObserver(fit);
  function settle(tries) {
    group = el.closest(".course-touch");
    picture = group && group.querySelector("img");
    if (!picture) {
      if (tries) requestAnimationFrame(() => settle(tries - 1));
      return;
    }
    group.classList.add("course-live");
    (group.closest(".course-explorer") ?? group).addEventListener("focusin", keep);
    watch.observe(picture);
    picture.addEventListener("load", fit);
    picture.draggable = false;
    fit();
    renew();
  }
  model.on("change:scene", renew);
  model.on("msg:custom", heard);
  settle(300);
  return () => {
    watch.disconnect();
    clearTimeout(timer);
    picture?.removeEventListener("load", fit);
    model.off("change:scene", renew);
    model.off("msg:custom", heard);
  };
}

export default { render };
