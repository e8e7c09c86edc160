// The shape of lines that are on their way, for who has waited a fifth of a second. Imported by what fills lists.
// Reads: aria-busy of the list. Writes: .skeleton elements, which go when the list is filled.
const SEEN = 200; // ms

export function skeletons(place, count = 4) {
  setTimeout(() => {
    if (place.childElementCount || place.getAttribute("aria-busy") !== "true") return;
    for (let i = 0; i < count; i++) place.append(Object.assign(document.createElement("span"), { className: "skeleton line" }));
  }, SEEN);
}
