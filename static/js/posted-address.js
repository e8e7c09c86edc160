// A page that answers a refused form has the form's address: it takes its own, so that a reload sends nothing again.
// Reads: data-address of the body.
const { address } = document.body.dataset;
if (address) history.replaceState(history.state, "", address);
