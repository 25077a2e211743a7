//go:build race

package script

// underRace: the race detector meets the limit of memory before the program
// does, and says nothing that is known.
const underRace = true
