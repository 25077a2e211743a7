package web

import (
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// state is what of an app a tab of the browser shows.
func (h appHead) state() State {
	a := h.App
	switch {
	case a.Deleting:
		return State{"Being deleted", "trash", "bad"}
	case a.Health == model.Degraded:
		return stateOf(a.Health)
	case h.Running():
		return stateOf(model.PhaseRunning)
	case a.Health == model.Missing, a.Health == model.Progressing:
		return stateOf(a.Health)
	case a.Sync == model.OutOfSync:
		return stateOf(a.Sync)
	}
	return stateOf(a.Health)
}

// says makes the frame say a state in the title and the icon of the browser's tab. What
// is as it should be is not said.
func (f *Frame) says(s State) {
	f.Tone = s.Tone
	if s.Tone != "good" {
		f.Title = s.Word + ": " + f.Title
	}
}

// counts makes the frame say how many of something are in a bad state, if any are.
func (f *Frame) counts(n int, s State) {
	if n > 0 {
		f.Title = fmt.Sprintf("%d %s: %s", n, strings.ToLower(s.Word), f.Title)
		f.Tone = s.Tone
	}
}

// TabIcon is the file of the icon that says the tone.
func (f *Frame) TabIcon() string {
	switch f.Tone {
	case "bad", "warn", "busy":
		return "favicon-" + f.Tone + ".svg"
	}
	return "favicon.svg"
}
