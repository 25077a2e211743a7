package access

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// enforcerOf is an Enforcer of a policy.csv that has no problems.
func enforcerOf(t testing.TB, csv string) *Enforcer {
	t.Helper()
	set, problems := Read(map[string]string{"policy.csv": csv}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e := &Enforcer{}
	e.Use(set)
	return e
}

// TestNothingWithoutPolicy: before the first Use nobody may anything.
func TestNothingWithoutPolicy(t *testing.T) {
	var e Enforcer
	if e.May(Identity{Subject: "admin", Local: true}, Applications, "get", "a/b") {
		t.Error("the zero Enforcer permits something")
	}
	if d := e.Explain("admin", nil, Applications, "get", "a/b"); d.Allowed {
		t.Error("the zero Enforcer explains a permission")
	}
	e.Use(Settings{})
	if !e.May(Identity{Subject: "admin", Local: true}, Applications, "get", "a/b") {
		t.Error("the account admin has no rights by the zero Settings")
	}
}

// TestPolicyChanges: what was remembered of the old policy counts no more.
func TestPolicyChanges(t *testing.T) {
	ann := Identity{Subject: "ann", Local: true}
	e := enforcerOf(t, "p, ann, applications, get, a/*, allow")
	if !e.May(ann, Applications, "get", "a/b") {
		t.Fatal("ann may not get a/b at first")
	}
	set, _ := Read(map[string]string{"policy.csv": "p, ann, applications, get, b/*, allow"}, nil)
	e.Use(set)
	if e.May(ann, Applications, "get", "a/b") || !e.May(ann, Applications, "get", "b/b") {
		t.Error("the old policy still holds")
	}
}

// TestFilteringAllocatesNothing: to ask of ten thousand apps costs no allocation, once it
// is known what the reader may in each project.
func TestFilteringAllocatesNothing(t *testing.T) {
	var csv strings.Builder
	for i := range 200 {
		fmt.Fprintf(&csv, "p, role:team-%d, applications, get, team-%d/*, allow\ng, group-%d, role:team-%d\n", i, i, i, i)
	}
	e := enforcerOf(t, csv.String())
	id := Identity{Subject: "someone", Groups: []string{"group-1", "group-7", "group-99", "unknown"}}
	objects := make([]string, 10_000)
	for i := range objects {
		objects[i] = fmt.Sprintf("team-%d/app-%d", i%200, i)
	}
	seen := 0
	filter := func() {
		seen = 0
		for _, object := range objects {
			if e.May(id, Applications, "get", object) {
				seen++
			}
		}
	}
	// Ten times, for what the runtime allocates beside it in one of them.
	if got := testing.AllocsPerRun(10, filter); got > 0 {
		t.Errorf("asking of %d apps allocates %v times", len(objects), got)
	}
	if want := 3 * len(objects) / 200; seen != want {
		t.Errorf("the reader sees %d apps, want %d", seen, want)
	}
}

// TestMemoryIsBounded: whoever asks for ever new things and comes with ever new groups
// does not make it grow.
func TestMemoryIsBounded(t *testing.T) {
	e := enforcerOf(t, "g, group, role:readonly")
	memory := &e.policy.Load().memory
	for i := range 3 * maxReaders {
		e.May(Identity{Subject: fmt.Sprint(i)}, Applications, "get", "a/b")
	}
	id := Identity{Subject: "x", Groups: []string{"group"}}
	for i := range 3 * maxTables {
		e.May(id, Applications, fmt.Sprintf("delete//Pod/ns/%d", i), "a/b")
	}
	if n := len(memory.readers); n > maxReaders {
		t.Errorf("%d readers are remembered", n)
	}
	if n := len(memory.reader(id).tables); n > maxTables || n == 0 {
		t.Errorf("%d tables are remembered", n)
	}
}

// TestSameHash: readers of which one's rights are remembered don't lend them to another.
func TestSameHash(t *testing.T) {
	e := enforcerOf(t, "p, ann, applications, get, */*, allow")
	ann, bob := Identity{Subject: "ann", Local: true}, Identity{Subject: "bob", Local: true}
	if !e.May(ann, Applications, "get", "a/b") {
		t.Fatal("ann may not")
	}
	memory := &e.policy.Load().memory
	memory.readers[hash(bob)] = memory.readers[hash(ann)] // as if they collided
	if e.May(bob, Applications, "get", "a/b") {
		t.Error("bob has ann's rights")
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	e := enforcerOf(t, "g, group, role:readonly")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				if i == 0 {
					e.Use(Settings{Default: fmt.Sprint(j)})
				}
				e.May(Identity{Subject: fmt.Sprint(j % 7), Groups: []string{"group"}}, Applications, "get", "a/b")
			}
		})
	}
	wg.Wait()
}

// TestReDoS: patterns that bring backtracking matchers to a standstill are matched in
// steps that grow with the word; that the test ends is what it shows.
func TestReDoS(t *testing.T) {
	word := strings.Repeat("a", 20_000) + "/b"
	globs := []string{strings.Repeat("a*", 500) + "c", strings.Repeat("{a,a*}", 40) + "c", strings.Repeat("*?", 200) + "c", strings.Repeat("*", 2000) + "c"}
	for _, text := range globs {
		p, err := readGlob(text)
		if err != nil {
			t.Errorf("%.20s…: %v", text, err)
			continue
		}
		if p.match(word) {
			t.Errorf("%.20s… matches", text)
		}
	}
	for _, text := range []string{"(a+)+$", "(a|a)*c", "(.*)*c"} {
		p, err := readRegex(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if p.match(word) {
			t.Errorf("%s matches", text)
		}
	}
	for _, text := range []string{strings.Repeat("a", maxPattern+1), strings.Repeat("{", 30) + strings.Repeat("}", 30)} {
		if _, err := readGlob(text); err == nil {
			t.Errorf("%.20s… is taken for a glob", text)
		}
	}
	if _, err := readRegex("((a{1000}){1000}){1000}"); err == nil {
		t.Error("a huge regular expression is taken")
	}
}

// TestMalformedLinesNeverWiden spoils a line of a random policy in every place. If that is
// noticed, nobody may anything that was not permitted before.
func TestMalformedLinesNeverWiden(t *testing.T) {
	spoils := 0
	for i := range 120 {
		w := world{Rand: rand.New(rand.NewPCG(11, uint64(i)))}
		var lines []string
		for range 6 {
			lines = append(lines, w.line())
		}
		before := enforcerOf(t, strings.Join(lines, "\n"))
		at := w.IntN(len(lines))
		whole := lines[at]
		for cut := range len(whole) {
			with := pick(w.Rand, "", "", "\"", "[", ", ", "{")
			lines[at] = whole[:cut] + with + whole[cut+1:]
			spoils += widened(t, before, lines, whole)
		}
	}
	if spoils < 1000 {
		t.Errorf("only %d spoiled lines were noticed", spoils)
	}
}

// widened fails where lines permit what before does not, and counts those with problems.
func widened(t *testing.T, before *Enforcer, lines []string, whole string) int {
	t.Helper()
	set, problems := Read(map[string]string{"policy.csv": strings.Join(lines, "\n")}, nil)
	if len(problems) == 0 {
		return 0
	}
	var after Enforcer
	after.Use(set)
	for _, who := range people {
		id := Identity{Subject: who, Local: true}
		for _, object := range []string{"app/web", "prod/db"} {
			for _, act := range []string{"get", "delete//Pod/ns/web-1"} {
				if after.May(id, Applications, act, object) && !before.May(id, Applications, act, object) {
					t.Fatalf("%s may %s %s since %q was spoiled, with %v:\n%s", who, act, object, whole, problems, strings.Join(lines, "\n"))
				}
			}
		}
	}
	return 1
}

// TestWith reads what argocd-cm says of rights.
func TestWith(t *testing.T) {
	const key = "server.rbac.disableApplicationFineGrainedRBACInheritance"
	set := Settings{}.With(map[string]string{"accounts.ci": "apiKey", "accounts.ci.enabled": "true", "accounts.bot": "login", "url": "x", key: "false"})
	if got := strings.Join(set.Accounts, " "); got != "admin bot ci" || !set.Inherit {
		t.Errorf("accounts %s, inherit %t", got, set.Inherit)
	}
	for _, value := range []string{"", "true", "nonsense"} {
		if (Settings{}).With(map[string]string{key: value}).Inherit {
			t.Errorf("%q: rights are inherited", value)
		}
	}
}
