// How runs are told apart, as web/colours.py says it: a look is a number, 1 to 12 a colour with a whole line, then dashed, then dotted.
// Reads: the tokens --run-1 to --run-12.
const COLOURS = 12, GIVEN = 8, DASHES = ["", "dashed", "dotted"], PATTERNS = [null, [7, 4], [1.5, 3]];
const known = new Map(); // the look of each run that was shown, by id: it keeps it while it can

const colourAt = (look) => ((look - 1) % COLOURS) + 1, dashAt = (look) => Math.floor((look - 1) / COLOURS);

export const patternOf = (look) => PATTERNS[dashAt(look || 1)];
export const lookClasses = (look) => `run-${colourAt(look)} ${DASHES[dashAt(look)]}`.trim();
export const colourOfLook = (look) => getComputedStyle(document.documentElement).getPropertyValue(`--run-${colourAt(look || 1)}`).trim();

// The look that fewest have: whole lines first, and of the colours that of `own` before those behind it.
export function freeLook(own, taken) {
  let best = null;
  for (let k = 0; k < GIVEN * DASHES.length; k++) {
    const look = Math.floor(k / GIVEN) * COLOURS + ((colourAt(own) - 1 + (k % GIVEN)) % GIVEN) + 1;
    if (best === null || (taken.get(look) ?? 0) < (taken.get(best) ?? 0)) best = look;
  }
  return best;
}

// `runs`: [{id, look, picked, hidden}] as the page has them; gives each of them a `look` that no other shown one has, while there are some.
export function settle(runs) {
  const taken = new Map(), most = Math.ceil(runs.filter((run) => !run.hidden).length / (GIVEN * DASHES.length));
  const take = (run, look) => { run.look = look; known.set(run.id, look); if (!run.hidden) taken.set(look, (taken.get(look) ?? 0) + 1); };
  const free = (look) => (taken.get(look) ?? 0) < most;
  const rank = (run) => (run.picked ? 0 : run.hidden ? 3 : known.has(run.id) ? 1 : 2);
  for (const run of [...runs].sort((one, other) => rank(one) - rank(other))) {
    const look = run.picked ? run.look : known.get(run.id) ?? run.look;
    take(run, run.picked || run.hidden || free(look) ? look : freeLook(look, taken));
  }
  return runs;
}
