// Times below an axis: as short as they may be and still say which day it is, in the reader's own zone and language.
// Reads: nothing.
const made = new Map();

function text(options, ms) {
  const name = JSON.stringify(options);
  if (!made.has(name)) made.set(name, new Intl.DateTimeFormat(undefined, options));
  return made.get(name).format(ms);
}

const DAY = 86_400_000, MONTH = 28 * DAY, YEAR = 365 * DAY;
const TIMES = [[60_000, { hour: "numeric", minute: "2-digit" }], [1000, { hour: "numeric", minute: "2-digit", second: "2-digit" }], [0, { minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }]];

// A second line names the day or the year where it is another than at the tick before.
export function timeWords(ticks, step) {
  const [main, below] = step >= YEAR ? [{ year: "numeric" }, null] : step >= MONTH ? [{ month: "short" }, { year: "numeric" }] : step >= DAY
    ? [{ day: "numeric", month: "short" }, { year: "numeric" }] : [TIMES.find(([least]) => step >= least)[1], { day: "numeric", month: "short", year: "numeric" }];
  let before = "";
  return ticks.map((tick) => {
    const second = below ? text(below, tick) : "", line = second === before ? "" : `\n${second}`;
    before = second;
    return text(main, tick) + line;
  });
}

export const timeWhole = (ms) => text({ year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit" }, ms);
