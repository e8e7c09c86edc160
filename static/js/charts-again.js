// Where charts stand whose metrics could not be read: what failed, and the way to read them again. Imported by the toolbar of the charts.
// Reads: nothing. Writes: into the element that says what is in the charts.
import { noun } from "./charts-noun.js";
import { failedPart } from "./failed-part.js";

export function offerAgain(pane, said) {
  const again = () => {
    pane.before = { [noun.asked]: [] };
    pane.show(pane.latest);
  };
  said.replaceChildren(failedPart("The metrics could not be read", pane.names.failed, again, "span"));
}
