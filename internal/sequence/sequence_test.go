package sequence

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite the moves in testdata")

// TestNext reads stories. Their parts are read in order, each over what the ones
// before it said:
//
//	-- steps --      ACTION [group/]Kind[:namespace]/name [stage=N] [wave=N] [reason=why_so] [undeclared]
//	                 [prune=confirm] [delete=confirm] [prunelast] [ignorehealth]; all steps anew
//	-- hooks --      OBJECT phases=P,Q [wave=N] [stage=N] [delete=POLICY,…] [action=wait] [reason=why_so]; anew
//	-- live --       OBJECT [uid=U] [health=H] [message=m_m] [mark=PHASE|OPERATION/PHASE] [held] [busy] [terminating]
//	                 [phases=P] [delete=POLICY,…]; anew
//	-- results --    PHASE [hook] ACTION OBJECT STATE [uid=U] [message=m_m]; in addition
//	-- operation --  unstarted unrecorded deleting partial nohooks heal only dryrun terminating superseded=R
//	                 approved=N since=N blocked=why_so phase=P retries=N; anew
//	-- move N --     what Next says; what it has learnt is a result from then on
//	-- releases N -- what Releases says
//
// An underscore is a space. Operations start at second 1000, and are recorded unless
// they are unstarted.
func TestNext(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newStory(t)
			for i, f := range ar.Files {
				got, said := s.part(f.Name, fields(string(f.Data)))
				if !said {
					continue
				}
				if *update {
					ar.Files[i].Data = []byte(got)
				}
				if diff := cmp.Diff(string(ar.Files[i].Data), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", f.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// story is the input as told so far.
type story struct {
	t  *testing.T
	in Input
}

func newStory(t *testing.T) *story {
	s := &story{t: t}
	s.operation(nil)
	return s
}

func (s *story) part(name string, lines [][]string) (text string, said bool) {
	kind, _, _ := strings.Cut(name, " ")
	switch kind {
	case "steps":
		s.steps(lines)
	case "hooks":
		s.in.Hooks = nil
		for _, l := range lines {
			s.in.Hooks = append(s.in.Hooks, hookOf(l))
		}
	case "live":
		s.in.Live = map[model.ObjectKey]model.Live{}
		for _, l := range lines {
			live := s.live(l)
			s.in.Live[live.Ref.ObjectKey] = live
		}
	case "results":
		for _, l := range lines {
			s.in.Operation.Results = put(s.in.Operation.Results, resultOf(l))
		}
	case "operation":
		s.operation(lines)
	case "move":
		m := Next(s.in)
		for _, r := range m.Learnt {
			s.in.Operation.Results = put(s.in.Operation.Results, r)
		}
		return m.String(), true
	case "releases":
		var b strings.Builder
		for _, r := range Releases(s.in) {
			b.WriteString(r.String() + "\n")
		}
		return b.String(), true
	default:
		s.t.Fatalf("unknown part %q", name)
	}
	return "", false
}

func (s *story) steps(lines [][]string) {
	s.in.Plan.Steps, s.in.Declared = nil, map[model.ObjectKey]bool{}
	for _, l := range lines {
		a := attrs(l[2:])
		step := model.Step{Action: model.Action(l[0]), Object: refOf(l[1]), Stage: number(a["stage"]), Wave: number(a["wave"]),
			Reason: spaced(a["reason"]), Traits: model.Traits{IgnoreHealth: a["ignorehealth"] != ""}}
		if a["prune"] == "confirm" {
			step.Traits.Prune = model.ConsentConfirm
		}
		if a["delete"] == "confirm" {
			step.Traits.Delete = model.ConsentConfirm
		}
		if a["prunelast"] != "" {
			step.Traits.PruneLast = model.Yes
		}
		s.in.Plan.Steps = append(s.in.Plan.Steps, step)
		if step.Action != model.ActionDelete && step.Action != model.ActionLeave && a["undeclared"] == "" {
			s.in.Declared[step.Object.ObjectKey] = true
		}
	}
}

func hookOf(l []string) Hook {
	a := attrs(l[1:])
	return Hook{Object: refOf(l[0]), Stage: number(a["stage"]), Action: model.Action(a["action"]), Reason: spaced(a["reason"]),
		Traits: model.Traits{Hooks: phasesOf(a["phases"]), HookDelete: policiesOf(a["delete"]), Wave: int32(number(a["wave"]))}}
}

func (s *story) live(l []string) model.Live {
	a := attrs(l[1:])
	live := model.Live{Ref: refOf(l[0]), UID: a["uid"], Held: a["held"] != "", Busy: a["busy"] != "", Terminating: a["terminating"] != "",
		Health:    model.Health{Status: model.HealthStatus(a["health"]), Message: spaced(a["message"])},
		Operation: a["mark"], Traits: model.Traits{Hooks: phasesOf(a["phases"]), HookDelete: policiesOf(a["delete"])}}
	if live.UID == "" {
		live.UID = "u-" + live.Ref.Name
	}
	if live.Operation != "" && !strings.Contains(live.Operation, "/") {
		live.Operation = s.in.Operation.Mark() + "/" + live.Operation
	}
	return live
}

func (s *story) operation(lines [][]string) {
	a := attrs(slices.Concat(lines...))
	in := &s.in
	in.Recorded, in.Unrecorded = a["unstarted"] == "", a["unrecorded"] != ""
	in.Deleting, in.Partial = a["deleting"] != "", a["partial"] != ""
	in.Since, in.Approved = time.Unix(1000, 5e8), time.Time{}
	if a["since"] != "" {
		in.Since = time.Unix(int64(number(a["since"])), 0)
	}
	if a["approved"] != "" {
		in.Approved = time.Unix(int64(number(a["approved"])), 0)
	}
	in.Plan.Blocked = nil
	if a["blocked"] != "" {
		in.Plan.Blocked = errors.New(spaced(a["blocked"]))
	}
	op := &in.Operation
	op.Phase, op.Started, op.Retries = model.Phase(a["phase"]), time.Unix(1000, 0), number(a["retries"])
	op.Terminating, op.Superseded = a["terminating"] != "", a["superseded"]
	op.Request = model.Request{NoHooks: a["nohooks"] != "", Heal: a["heal"] != "", DryRun: a["dryrun"] != ""}
	if a["only"] != "" {
		op.Request.Only = []model.ObjectKey{{Kind: "ConfigMap", Name: "x"}}
	}
}

// put replaces the result of the same task, or adds it.
func put(results []model.Result, r model.Result) []model.Result {
	same := func(o model.Result) bool {
		return o.Object.ObjectKey == r.Object.ObjectKey && o.Hook == r.Hook && (!r.Hook || o.Phase == r.Phase)
	}
	if i := slices.IndexFunc(results, same); i >= 0 {
		results = slices.Clone(results)
		results[i] = r
		return results
	}
	return append(slices.Clip(results), r)
}

func resultOf(l []string) model.Result {
	r := model.Result{Phase: model.SyncPhase(l[0])}
	l = l[1:]
	if l[0] == "hook" {
		r.Hook, l = true, l[1:]
	}
	a := attrs(l[3:])
	r.Action, r.Object, r.State = model.Action(l[0]), refOf(l[1]), model.HookState(l[2])
	r.Message, r.Live.UID = spaced(a["message"]), a["uid"]
	return r
}

func phasesOf(s string) model.Phases {
	var out model.Phases
	for p := range strings.SplitSeq(s, ",") {
		if p == "hookless" {
			out |= model.PhaseHookless
		}
		out |= model.PhasesOf(model.SyncPhase(p))
	}
	return out
}

func policiesOf(s string) model.HookPolicies {
	names := map[string]model.HookPolicies{"HookSucceeded": model.HookSucceeded, "HookFailed": model.HookFailed,
		"BeforeHookCreation": model.BeforeHookCreation}
	var out model.HookPolicies
	for p := range strings.SplitSeq(s, ",") {
		out |= names[p]
	}
	return out
}

func refOf(s string) model.ObjectRef {
	head, name, _ := cutLast(s, "/")
	head, ns, _ := strings.Cut(head, ":")
	group, kind, found := cutLast(head, "/")
	if !found {
		group, kind = "", head
	}
	return model.ObjectRef{ObjectKey: model.ObjectKey{Group: group, Kind: kind, Namespace: ns, Name: name}, Version: "v1"}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func fields(text string) [][]string {
	var out [][]string
	for l := range strings.Lines(text) {
		if f := strings.Fields(l); len(f) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// attrs reads words of the form name=value, and bare names.
func attrs(words []string) map[string]string {
	out := map[string]string{}
	for _, w := range words {
		n, v, found := strings.Cut(w, "=")
		if !found {
			v = "true"
		}
		out[n] = v
	}
	return out
}

func spaced(s string) string { return strings.ReplaceAll(s, "_", " ") }

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
