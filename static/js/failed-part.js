// Where a part of a page should stand that could not be loaded: what failed, and the way to try it again. Imported by what loads parts.
// Reads: nothing. Writes: .failed elements, which go as soon as somebody tries again, or the computer is online again.
function again(note, act) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: "Try again" });
  const go = () => {
    removeEventListener("online", go);
    if (!note.isConnected) return;
    note.remove();
    act();
  };
  button.addEventListener("click", go);
  addEventListener("online", go);
  return button;
}

// An element that says it; `failed` is of ask-server.js.
export function failedPart(what, failed, act, tag = "div") {
  const note = Object.assign(document.createElement(tag), { className: "problem failed" });
  note.setAttribute("role", "alert");
  note.append(Object.assign(document.createElement("span"), { textContent: `${failed.told(what)} ` }), again(note, act));
  return note;
}

// The same as a row of a table.
export function failedRow(what, failed, act, columns) {
  const row = Object.assign(document.createElement("tr"), { className: "failed" }), cell = Object.assign(document.createElement("td"), { colSpan: columns });
  cell.setAttribute("role", "alert");
  cell.append(Object.assign(document.createElement("span"), { textContent: `${failed.told(what)} ` }), again(row, act));
  row.append(cell);
  return row;
}
