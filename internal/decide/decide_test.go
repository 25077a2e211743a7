package decide

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite the plans in testdata")

// TestPlan reads cases of the form
//
//	-- desired --   [group/]Kind[:namespace]/name  digest [implicit] [createonly] [unknown] [skip] [awaits=KEY] [wave=N] [basis=N] [careful]
//	-- live --      KEY uid=U fields=F time=T [owner=APP] [keep] [terminating]
//	-- pairs --     KEY desired=D uid=U fields=F time=T [differs] [basis=N]
//	-- claims --    KEY APP...
//	-- rules --     auto prune selfheal allowempty deleting
//	-- plan --      what comes out
func TestPlan(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := Input{App: app("me"), Live: map[model.ObjectKey]model.Live{},
				Pairs: map[model.ObjectKey]model.Pair{}, Claims: map[model.ObjectKey][]model.AppKey{}}
			want := -1
			for i, f := range ar.Files {
				switch lines := fields(string(f.Data)); f.Name {
				case "desired":
					readDesired(&in, lines)
				case "live":
					readLive(&in, lines)
				case "pairs":
					readPairs(&in, lines)
				case "claims":
					for _, l := range lines {
						for _, a := range l[1:] {
							in.Claims[key(l[0])] = append(in.Claims[key(l[0])], app(a))
						}
					}
				case "no-namespace":
					in.NoNamespace = map[string]bool{}
					for _, l := range lines {
						in.NoNamespace[l[0]] = true
					}
				case "rules":
					for _, l := range lines {
						readRules(&in, l)
					}
				case "plan":
					want = i
				default:
					t.Fatalf("unknown part %q", f.Name)
				}
			}
			got := Plan(in).String()
			if *update {
				if want < 0 {
					ar.Files = append(ar.Files, txtar.File{Name: "plan"})
					want = len(ar.Files) - 1
				}
				ar.Files[want].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(ar.Files[want].Data), got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
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

// app is an app of Argo CD, or of the dialect that stands before a colon.
func app(name string) model.AppKey {
	if dialect, rest, found := strings.Cut(name, ":"); found {
		return model.AppKey{Dialect: dialect, Namespace: "argocd", Name: rest}
	}
	return model.AppKey{Dialect: "argo", Namespace: "argocd", Name: name}
}

func key(s string) model.ObjectKey {
	head, name := s[:strings.LastIndex(s, "/")], s[strings.LastIndex(s, "/")+1:]
	head, ns, _ := strings.Cut(head, ":")
	k := model.ObjectKey{Kind: head, Namespace: ns, Name: name}
	if i := strings.LastIndex(head, "/"); i >= 0 {
		k.Group, k.Kind = head[:i], head[i+1:]
	}
	return k
}

func digest(s string) model.Digest {
	if s == "" || s == "-" {
		return model.Digest{}
	}
	return model.DigestOf([]byte(s))
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

func number(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }

func readDesired(in *Input, lines [][]string) {
	for _, l := range lines {
		a := attrs(l[2:])
		d := Desired{Implicit: a["implicit"] != ""}
		d.Traits = model.Traits{CreateOnly: a["createonly"] != "", Wave: int32(number(a["wave"]))}
		d.ObjectKey, d.Version, d.Digest = key(l[0]), "v1", digest(l[1])
		d.Careful, d.Basis = a["careful"] != "", uint64(number(a["basis"]))
		if a["unknown"] != "" {
			d.Unknown = fmt.Errorf("kind %s is not served", d.Kind)
		}
		if a["skip"] != "" {
			d.Traits.SkipDryRun = model.Yes
		}
		if a["awaits"] != "" {
			d.Awaits = key(a["awaits"])
		}
		in.Desired = append(in.Desired, d)
	}
}

func readLive(in *Input, lines [][]string) {
	for _, l := range lines {
		a := attrs(l[1:])
		live := model.Live{Ref: model.ObjectRef{ObjectKey: key(l[0]), Version: "v1"}, UID: a["uid"], Fields: digest(a["fields"]),
			Time: number(a["time"]), Terminating: a["terminating"] != ""}
		if a["keep"] != "" {
			live.Traits.Prune, live.Traits.Delete = model.ConsentNo, model.ConsentNo
		}
		if a["owner"] != "" {
			live.Owner = app(a["owner"])
		}
		in.Live[live.Ref.ObjectKey] = live
		if live.Owner == in.App {
			in.Owned = append(in.Owned, live)
		}
	}
}

func readPairs(in *Input, lines [][]string) {
	for _, l := range lines {
		a := attrs(l[1:])
		in.Pairs[key(l[0])] = model.Pair{Desired: digest(a["desired"]), UID: a["uid"], Fields: digest(a["fields"]),
			Time: number(a["time"]), Differs: a["differs"] != "", Basis: uint64(number(a["basis"]))}
	}
}

func readRules(in *Input, words []string) {
	a := attrs(words)
	in.Rules = model.Sync{Auto: a["auto"] != "", Prune: a["prune"] != "", SelfHeal: a["selfheal"] != "", AllowEmpty: a["allowempty"] != ""}
	in.Deleting = a["deleting"] != ""
}
