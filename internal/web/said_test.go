package web

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSaid(t *testing.T) {
	commit := "bbdcb538011d9dabc179da9942db4122ed9ec437"
	digest := "9fec08e1c0d4ad0c2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f"
	for reason, test := range map[string]struct {
		message string
		want    []part
	}{
		"nothing to shorten": {"the index has 214 charts", []part{{Text: "the index has 214 charts"}}},
		"a commit":           {"at " + commit, []part{{Text: "at "}, {"bbdcb53", commit}, {}}},
		"a commit of a branch": {
			"stored artifact for revision 'main@sha1:" + commit + "'",
			[]part{{Text: "stored artifact for revision 'main@"}, {"bbdcb53", "sha1:" + commit}, {Text: "'"}},
		},
		"a formula":               {"successfully synced (all tasks run)", []part{{}}},
		"what a formula is about": {"one or more synchronization tasks completed unsuccessfully: too big", []part{{Text: "too big"}}},
		"a digest":                {"sha256:" + digest, []part{{}, {"sha256:9fec08e", "sha256:" + digest}, {}}},
		"as long, and no digit":   {"x" + commit, []part{{Text: "x" + commit}}},
	} {
		if diff := cmp.Diff(test.want, said(test.message)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}

func TestSteps(t *testing.T) {
	for address, want := range map[string][]string{
		"https://git.example/team/app": {"https://git.example/", "team/", "app"},
		"git@git.example:team/app":     {"git@git.example:team/", "app"},
		"charts":                       {"charts"},
	} {
		if diff := cmp.Diff(want, steps(address)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
}
