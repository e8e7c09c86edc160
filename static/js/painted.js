// What waited for the first paint is there before any other script looks at the page, should they come first.
// Reads: nothing. Writes: the class "unpainted" of <html>, which before-paint.js gave.
document.documentElement.classList.remove("unpainted");
