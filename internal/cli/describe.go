package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// describe prints all that an Application's status says, texts uncut: what it is
// made of, what goes on and what for it waits, conditions, hooks, waves, and the
// objects that are not as they should be.
func describe(w io.Writer, i item, now time.Time) error {
	app, err := i.decoded()
	if err != nil {
		return err
	}
	d := &description{w: w, app: app, path: i.path(), now: now}
	printf(w, "%s\n\n", i.title())
	d.facts(applicationState(i))
	d.conditions()
	d.hooks()
	d.waves()
	d.objects()
	return nil
}

// description is an Application that is being printed.
type description struct {
	w    io.Writer
	app  *v1alpha1.Application
	path string
	now  time.Time
}

// fact prints a name and a text, of which further lines are indented.
func (d *description) fact(name, text string) {
	if text = strings.TrimSpace(text); text != "" {
		printf(d.w, "%-12s %s\n", name+":", strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 13)))
	}
}

func (d *description) facts(s state) {
	status := d.app.Status
	if status.Sync.Status == "" {
		d.fact("Sync", "Unknown: "+s.message)
	} else {
		d.fact("Sync", withText(status.Sync.Status, " at ", revisionText(revisionsOf(status.Sync.Revision, status.Sync.Revisions))))
	}
	d.fact("Health", withText(status.Health.Status, ": ", status.Health.Message))
	for _, s := range sourcesOf(d.app.Spec.Source, d.app.Spec.Sources) {
		d.fact("Source", withText(sourceText(s), ", at ", s.TargetRevision))
	}
	to := d.app.Spec.Destination
	d.fact("Target", withText(cmp.Or(to.Name, to.Server), ", namespace ", to.Namespace))
	d.fact("Sync policy", d.policy())
	if at := d.app.DeletionTimestamp; at != nil {
		d.fact("Deletion", "asked for "+age(at.Time, d.now)+" ago")
	}
	d.fact("Operation", d.operation())
	d.fact("Deployed", d.deployed())
}

// withText is text, with more behind it where there is more.
func withText(text, separator, more string) string {
	if text == "" {
		return ""
	}
	return text + after(separator, more)
}

func (d *description) policy() string {
	parts := []string{"by hand"}
	if isAutomated(d.app) {
		a := d.app.Spec.SyncPolicy.Automated
		parts[0] = "automated"
		for text, on := range map[string]bool{"prune": a.Prune, "self-heal": a.SelfHeal, "allow-empty": a.AllowEmpty} {
			if on {
				parts = append(parts, text)
			}
		}
		slices.Sort(parts[1:])
	}
	return strings.Join(append(parts, optionsOf(d.app)...), ", ")
}

// operation says what the running or last operation is at, and what it waits for.
func (d *description) operation() string {
	o := d.app.Status.OperationState
	if o == nil {
		if d.app.Operation != nil {
			return "asked for, and not begun yet"
		}
		return ""
	}
	text, message := o.Phase+" for "+age(o.StartedAt.Time, d.now), o.Message
	if o.FinishedAt != nil {
		text = o.Phase + " " + age(o.FinishedAt.Time, d.now) + " ago"
	}
	switch {
	case o.FinishedAt != nil && o.Phase == "Running": // it waits
		text = "Failed " + age(o.FinishedAt.Time, d.now) + " ago, is repeated (" + repetition(o) + ")"
		message = strings.TrimSuffix(message, fmt.Sprintf(". Retrying attempt #%d", o.RetryCount))
	case o.RetryCount > 0:
		text += ", repeated " + plural(int(o.RetryCount), "time")
	}
	if by := initiator(o.Operation.InitiatedBy); by != "" {
		text += " (" + by + ")"
	}
	text = withText(text, ": ", message)
	if d.app.Operation != nil {
		text += "\nanother is asked for, and not begun yet"
	}
	return text
}

// repetition is the number of the repetition that an operation waits for, with how
// many there may be. Those for causes that pass have no limit.
func repetition(o *v1alpha1.OperationState) string {
	if limit := o.Operation.Retry.Limit; o.RetryCount <= limit {
		return fmt.Sprintf("%d of %d", o.RetryCount, limit)
	}
	return strconv.FormatInt(o.RetryCount, 10)
}

func (d *description) deployed() string {
	all := d.app.Status.History
	if len(all) == 0 {
		return ""
	}
	last := all[len(all)-1]
	text := fmt.Sprintf("%s, %s ago, ID %d", revisionText(revisionsOf(last.Revision, last.Revisions)), age(last.DeployedAt.Time, d.now), last.ID)
	if by := initiator(last.InitiatedBy); by != "" {
		text += " (" + by + ")"
	}
	if len(all) > 1 {
		text += fmt.Sprintf("; 'fixpoint history %s' lists %d", d.path, len(all))
	}
	return text
}

func (d *description) conditions() {
	if len(d.app.Status.Conditions) == 0 {
		return
	}
	printf(d.w, "\nConditions:\n")
	for _, c := range d.app.Status.Conditions {
		since := ""
		if c.LastTransitionTime != nil {
			since = ", since " + age(c.LastTransitionTime.Time, d.now)
		}
		printf(d.w, "  %s%s\n    %s\n", c.Type, since, strings.ReplaceAll(strings.TrimSpace(c.Message), "\n", "\n    "))
	}
}

// hooks are those that the running or last operation has come to.
func (d *description) hooks() {
	o := d.app.Status.OperationState
	if o == nil || o.SyncResult == nil {
		return
	}
	t := &table{header: []string{"PHASE", "HOOK", "STATE", "MESSAGE"}}
	for _, phase := range model.AllPhases {
		for _, r := range o.SyncResult.Resources {
			if r.HookType != "" && cmp.Or(r.SyncPhase, r.HookType) == string(phase) {
				key := model.ObjectKey{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
				t.add(string(phase), objectText(key), r.HookPhase, brief(r.Message, 0))
			}
		}
	}
	d.table(t)
}

// waves count the objects of each wave, where there are several.
func (d *description) waves() {
	type wave struct{ all, synced, hooks int }
	waves := map[int64]wave{}
	for _, r := range d.app.Status.Resources {
		w := waves[r.SyncWave]
		switch {
		case r.Hook:
			w.hooks++
		case r.Status == string(model.Synced):
			w.synced++
			fallthrough
		default:
			w.all++
		}
		waves[r.SyncWave] = w
	}
	if len(waves) < 2 {
		return
	}
	t := &table{header: []string{"WAVE", "OBJECTS", "SYNCED", "HOOKS"}}
	for _, n := range sortedKeys(waves) {
		w := waves[n]
		t.add(strconv.FormatInt(n, 10), strconv.Itoa(w.all), strconv.Itoa(w.synced), strconv.Itoa(w.hooks))
	}
	d.table(t)
}

// table prints a table with rows after an empty line.
func (d *description) table(t *table) {
	if len(t.rows) > 0 {
		printf(d.w, "\n")
		t.print(d.w)
	}
}
