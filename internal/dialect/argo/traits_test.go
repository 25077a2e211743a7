package argo

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestTraits reads a file of cases: a line of annotations as key=value, separated
// by blanks, and what they ask for below it, indented.
func TestTraits(t *testing.T) {
	archives(t, "traits-*.txtar", func(t *testing.T, file string, a *txtar.Archive) {
		var out strings.Builder
		for line := range strings.Lines(string(section(a, "in"))) {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			annotations := annotationsOf(line)
			out.WriteString(line + "\n" + describe(Traits(nil, annotations)))
			for _, text := range Unhonoured(nil, annotations) {
				out.WriteString("  ! " + text + "\n")
			}
		}
		check(t, file, a, map[string]string{"traits": out.String()})
	})
}

// annotationsOf reads pairs. Short names stand for the annotations of Argo CD.
func annotationsOf(line string) map[string]string {
	out := map[string]string{}
	for pair := range strings.SplitSeq(line, " ") {
		key, value, _ := strings.Cut(pair, "=")
		if !strings.Contains(key, "/") {
			key = "argocd.argoproj.io/" + key
		}
		out[key] = strings.ReplaceAll(value, "_", " ")
	}
	return out
}

// describe is what an object asks for, a line each.
func describe(t model.Traits) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, "  "+format+"\n", args...) }
	if t.Wave != 0 {
		say("wave %d", t.Wave)
	}
	if t.Hooks&model.PhaseHookless != 0 {
		say("hook that never runs")
	} else if t.IsHook() {
		say("hook of %s", t.Hooks)
	}
	for _, p := range []string{"HookSucceeded", "HookFailed", "BeforeHookCreation"} {
		if t.IsHook() && t.HookDelete.Has(hookPolicies[p]) {
			say("deleted: %s", p)
		}
	}
	for _, c := range []struct {
		name   string
		choice model.Choice
	}{{"pruneLast", t.PruneLast}, {"replace", t.Replace}, {"force", t.Force}, {"validate", t.Validate}, {"skipDryRun", t.SkipDryRun}} {
		if c.choice != model.Unsaid {
			say("%s: %t", c.name, c.choice == model.Yes)
		}
	}
	for _, c := range []struct {
		name    string
		consent model.Consent
	}{{"prune", t.Prune}, {"delete", t.Delete}} {
		if c.consent != model.ConsentUnsaid {
			say("%s: %s", c.name, [...]string{"", "yes", "no", "confirm"}[c.consent])
		}
	}
	for name, is := range map[string]bool{"skip": t.Skip, "ignoreExtraneous": t.IgnoreExtraneous, "ignoreHealth": t.IgnoreHealth} {
		if is {
			say("%s", name)
		}
	}
	return b.String()
}

// TestTraitsOfApp: what an app says holds for objects that say nothing.
func TestTraitsOfApp(t *testing.T) {
	app, _ := parseOptions([]string{"Prune=false", "Delete=false", "Replace=true", "Validate=false", "PruneLast=true", "SkipDryRunOnMissingResource=true"})
	for name, c := range map[string]struct {
		options string
		want    model.Traits
	}{
		"says nothing": {"", model.Traits{
			Prune: model.ConsentNo, Delete: model.ConsentNo, Replace: model.Yes, Validate: model.No, PruneLast: model.Yes, SkipDryRun: model.Yes,
		}},
		"says otherwise": {"Prune=true,Delete=confirm,Replace=false,Validate=true,PruneLast=false,SkipDryRunOnMissingResource=false", model.Traits{
			Prune: model.ConsentYes, Delete: model.ConsentConfirm, Replace: model.No, Validate: model.Yes, PruneLast: model.No, SkipDryRun: model.No,
		}},
	} {
		got := Traits(nil, map[string]string{annotationSyncOptions: c.options}).Over(app.Defaults)
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
