package layout

import (
	"fmt"
	"testing"
)

// fleet are deployments with a service, two replica sets and pods each.
func fleet(deployments, pods int) []Node {
	var nodes []Node
	add := func(kind, name string, parents ...string) string {
		id := kind + "-" + name
		nodes = append(nodes, Node{ID: id, Kind: kind, Rank: kind + name, Parents: parents})
		return id
	}
	for d := range deployments {
		name := fmt.Sprintf("d%03d", d)
		add("Service", name)
		deployment := add("Deployment", name)
		add("ReplicaSet", name+"-old", deployment)
		set := add("ReplicaSet", name+"-new", deployment)
		for p := range pods {
			add("Pod", fmt.Sprintf("%s-%03d", name, p), set)
		}
	}
	return nodes
}

func TestLargeTreesStayReadable(t *testing.T) {
	for name, c := range map[string]struct {
		reason            string
		deployments, pods int
		nodes, most       int
	}{
		"500 nodes":           {"pods and services are groups", 20, 21, 500, 110},
		"many deployments":    {"they are a group as well", 100, 1, 500, 10},
		"5000 nodes":          {"few deployments with very many pods", 20, 246, 5000, 110},
		"5000 in many places": {"the aim makes groups of what branches", 24, 204, 4992, 120},
	} {
		rules := standard()
		rules.Leaves, rules.Branches, rules.Aim = 6, 24, 150
		nodes := fleet(c.deployments, c.pods)
		if len(nodes) != c.nodes {
			t.Fatalf("%s: %d nodes", name, len(nodes))
		}
		d := Tree("app", nodes, rules)
		checkSound(t, d, rules)
		if len(d.Boxes) > c.most {
			t.Errorf("%s (%s): %d boxes, want at most %d", name, c.reason, len(d.Boxes), c.most)
		}
		shown := 0
		for _, b := range d.Boxes {
			if b.Group {
				shown += len(b.Members)
			}
		}
		if shown == 0 {
			t.Errorf("%s: no group stands for anything", name)
		}
		all := Tree("app", nodes, standard())
		checkSound(t, all, rules)
		if len(all.Boxes) != c.nodes+1 {
			t.Errorf("%s without rules: %d boxes", name, len(all.Boxes))
		}
	}
}

// A new pod moves what is below it, by one row; nothing else moves, and nothing
// changes its column.
func TestNewNodeMovesLittle(t *testing.T) {
	nodes := fleet(5, 3)
	before := Tree("app", nodes, standard())
	fresh := Node{ID: "Pod-new", Kind: "Pod", Rank: "Podd002-001x", Parents: []string{"ReplicaSet-d002-new"}}
	after := Tree("app", append(nodes, fresh), standard())
	at := map[string]Box{}
	for _, b := range after.Boxes {
		at[b.ID] = b
	}
	row := at[fresh.ID].Row
	moved := 0
	for _, b := range before.Boxes {
		want := b.Row
		if b.Row >= row {
			want++
			moved++
		}
		if at[b.ID].Row != want || at[b.ID].Column != b.Column {
			t.Errorf("%s went from row %d to %d", b.ID, b.Row, at[b.ID].Row)
		}
	}
	if moved == 0 || moved == len(before.Boxes) {
		t.Errorf("%d of %d boxes moved", moved, len(before.Boxes))
	}
}

// The name of a group says where it is, so that a link to it holds while members come
// and go.
func TestGroupKeepsItsName(t *testing.T) {
	rules := standard()
	rules.Leaves = 2
	name := func(pods int) string {
		for _, b := range Tree("app", fleet(1, pods), rules).Boxes {
			if b.Group {
				return b.ID
			}
		}
		return ""
	}
	if name(3) != "ReplicaSet-d000-new/Pod" || name(3) != name(30) {
		t.Errorf("groups %q and %q", name(3), name(30))
	}
}

// Whatever the nodes say of each other, boxes don't overlap and lines have ends; each
// node is shown by a box, or by the group that it or one of its ancestors is in.
func FuzzTree(f *testing.F) {
	f.Add([]byte{1, 0, 2, 1, 3, 2, 4, 2, 5, 2, 6, 2}, uint8(2), uint8(1))
	f.Add([]byte{1, 2, 2, 3, 3, 1, 4, 4}, uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, in []byte, leaves, aim uint8) {
		var nodes []Node
		for i := 0; i+2 < len(in); i += 3 {
			id := func(b byte) string { return fmt.Sprintf("n%d", b%64) }
			nodes = append(nodes, Node{
				ID: id(in[i]), Kind: fmt.Sprint(in[i] % 3), Rank: fmt.Sprint(in[i] % 5),
				Loud: in[i]%7 == 0, Parents: []string{id(in[i+1]), id(in[i+2])},
			})
		}
		rules := standard()
		rules.Leaves, rules.Branches, rules.Aim, rules.Most = int(leaves%8), int(leaves%5), int(aim), int(aim%4)
		rules.Open = func(g string) bool { return len(g)%2 == int(aim%2) }
		d := Tree("n0", nodes, rules)
		checkSound(t, d, rules)
		if leaves%8 == 0 && leaves%5 == 0 && aim == 0 {
			ids := map[string]bool{"n0": true}
			for _, n := range nodes {
				ids[n.ID] = true
			}
			if len(d.Boxes) != len(ids) {
				t.Errorf("%d boxes for %d nodes", len(d.Boxes), len(ids))
			}
		}
	})
}

func BenchmarkTree5000(b *testing.B) {
	nodes := fleet(100, 46)
	rules := standard()
	for b.Loop() {
		Tree("app", nodes, rules)
	}
}
