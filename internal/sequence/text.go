package sequence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// shown is how many objects a message names.
const shown = 3

// shortened are the first texts of some lists, and how many more there are.
func shortened(lists ...[]string) []string {
	all := slices.Concat(lists...)
	if more := len(all) - shown; more > 0 {
		return append(all[:shown], fmt.Sprintf("and %d more", more))
	}
	return all
}

// name is an object as messages name it: group, kind and name.
func name(o model.ObjectRef) string {
	return strings.TrimPrefix(o.Group+"/"+o.Kind+"/"+o.Name, "/")
}

func explained(text string, h model.Health) string {
	if h.Message == "" {
		return text
	}
	return text + ": " + h.Message
}

func failure(r model.Result) string {
	text := r.Message
	if r.Err != nil {
		text = r.Err.Error()
	}
	return name(r.Object) + ": " + cmp.Or(text, "failed")
}

func unwritten(t task) string {
	return "waiting to write " + name(t.Object) + ": " + t.Reason
}

func deletion(t task) string { return "waiting for deletion of " + name(t.Object) }

func confirmation(t task) string {
	return "waiting for the confirmation of the deletion of " + name(t.Object) +
		": set annotation argocd.argoproj.io/deletion-approved to the current time (RFC 3339)"
}

// String is the move, a line for each thing, in order.
func (m Move) String() string {
	var b strings.Builder
	if m.Phase != "" {
		fmt.Fprintf(&b, "at %s wave %d\n", m.Phase, m.Wave)
	}
	for _, r := range m.Learnt {
		fmt.Fprintf(&b, "learnt %s\n", resultText(r))
	}
	if m.Record {
		b.WriteString("record\n")
	}
	for _, t := range m.Do {
		fmt.Fprintf(&b, "do %s\n", t)
	}
	for _, text := range m.Waits {
		fmt.Fprintf(&b, "wait: %s\n", text)
	}
	if m.Confirm {
		b.WriteString("confirm\n")
	}
	for _, r := range m.Stop {
		fmt.Fprintf(&b, "stop: %s\n", r)
	}
	if m.Ended != "" {
		fmt.Fprintf(&b, "ended %s: %s\n", m.Ended, m.Message)
	}
	return b.String()
}

func resultText(r model.Result) string {
	text := fmt.Sprintf("%s %s %s %s", r.Phase, hookWord(r.Hook)+string(r.Action), r.Object.ObjectKey, r.State)
	if r.Message != "" {
		text += ": " + r.Message
	}
	return text
}

func hookWord(hook bool) string {
	if hook {
		return "hook "
	}
	return ""
}

// String is the task on one line.
func (t Task) String() string {
	text := fmt.Sprintf("%d %s %s", t.Stage, hookWord(t.Hook)+string(t.Action), t.Object.ObjectKey)
	if t.Recreate {
		text += " to recreate it"
	}
	if t.UID != "" {
		text += " uid " + t.UID
	}
	if t.Mark != "" {
		text += " mark " + t.Mark
	}
	return text
}

// String is the release on one line.
func (r Release) String() string {
	verb := "release "
	if r.Delete {
		verb = "delete "
	}
	text := verb + r.Object.ObjectKey.String()
	if r.UID != "" {
		text += " uid " + r.UID
	}
	return text
}
