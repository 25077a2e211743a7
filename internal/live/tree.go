package live

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const (
	// parallel is how many lists of one tree are under way at a time.
	parallel = 8
	// rounds is how often kinds are looked through that were found as owners.
	rounds = 3
	// maxNodes is how many objects a tree has at most.
	maxNodes = 10_000
)

// harvest is what was found for a tree.
type harvest struct {
	*plan

	byUID map[string]*item
	byKey map[model.ObjectKey]*item
	// read are the places that could be read.
	read map[place]bool
	// lost: the cluster could not even be asked what it serves.
	lost bool
}

// Tree is an app's objects, as the engine's report has them, with all that descends
// from them; see the package for what is looked through. What can't be read is told in
// the tree, which then has the roots at least: an error is that of ctx.
//
// Where a viewer watches the places that are read, it costs no request; else each is
// listed once in some seconds.
func (s *Service) Tree(ctx context.Context, c *Cluster, roots []model.ResourceState) (view.Tree, error) {
	limited, cancel := c.reading(ctx)
	defer cancel()
	h := c.gather(limited, roots, func(place) {})
	if err := ctx.Err(); err != nil {
		return view.Tree{}, err
	}
	return h.tree(), nil
}

// gather reads roots and what may descend from them. before is called with each place
// before it is read.
func (c *Cluster) gather(ctx context.Context, roots []model.ResourceState, before func(place)) *harvest {
	h := &harvest{byUID: map[string]*item{}, byKey: map[model.ObjectKey]*item{}, read: map[place]bool{}}
	wanted := make([]model.ObjectRef, len(roots))
	for i, r := range roots {
		wanted[i] = r.Object
	}
	known, err := c.kinds.all(ctx, wanted...)
	h.plan = newPlan(known, roots)
	if err != nil {
		h.lost = true
		h.problem("The cluster can't be read: %v", err)
		return h
	}
	var done []place
	for range rounds {
		var next []place
		for _, p := range h.places() {
			if !slices.Contains(done, p) {
				next = append(next, p)
				before(p)
			}
		}
		c.harvest(ctx, next, h)
		done = append(done, next...)
		c.ask(ctx, h)
		if !h.learn(h.byUID) {
			break
		}
	}
	return h
}

// ask has the cluster asked again for its kinds where an owner's is unknown: that may be
// newer than what is remembered. What can't be asked is left as it is.
func (c *Cluster) ask(ctx context.Context, h *harvest) {
	unknown := h.unknown(h.byUID)
	if len(unknown) == 0 {
		return
	}
	if known, err := c.kinds.all(ctx, unknown...); err == nil {
		h.kinds = known
	}
}

// harvest reads places into h.
func (c *Cluster) harvest(ctx context.Context, places []place, h *harvest) {
	found, errs := make([]listing, len(places)), make([]error, len(places))
	var g errgroup.Group
	g.SetLimit(parallel)
	for n, p := range places {
		g.Go(func() error { found[n], errs[n] = c.read(ctx, p); return nil })
	}
	_ = g.Wait() // each has its own error
	for n, p := range places {
		if errs[n] != nil {
			h.problem("%v", errs[n])
		}
		h.read[p] = errs[n] == nil
		if found[n].left > 0 {
			h.problem("%s: more than %d; the others are left out.", p.title(), len(found[n].items))
		}
		for _, i := range found[n].items {
			h.byUID[i.node.UID], h.byKey[i.node.Ref.ObjectKey] = i, i
		}
	}
}

// tree puts together what was found.
func (h *harvest) tree() view.Tree {
	children := h.children()
	nodes, inTree := make([]view.Node, 0, len(h.roots)), map[string]bool{}
	var queue []*item
	for _, root := range h.roots {
		node, ok := h.root(root)
		if !ok {
			continue
		}
		nodes = append(nodes, node)
		if i := h.byKey[root.Object.ObjectKey]; i != nil && !inTree[node.UID] {
			inTree[node.UID] = true
			queue = append(queue, i)
		}
	}
	left := 0
	for len(queue) > 0 {
		of := queue[0].node.UID
		queue = queue[1:]
		for _, i := range children[of] {
			if inTree[i.node.UID] {
				continue
			}
			if len(nodes) >= maxNodes {
				left++
				continue
			}
			inTree[i.node.UID] = true
			nodes = append(nodes, i.node)
			queue = append(queue, i)
		}
	}
	if left > 0 {
		h.problem("%d more objects are left out: a tree shows %d.", left, maxNodes)
	}
	h.name(nodes, inTree)
	slices.SortStableFunc(nodes, func(a, b view.Node) int { return a.Ref.Compare(b.Ref.ObjectKey) })
	return view.Tree{Nodes: nodes, Incomplete: h.problems}
}

// name gives each node that is no root its parents in the tree.
func (h *harvest) name(nodes []view.Node, inTree map[string]bool) {
	claims := h.claims()
	for n := range nodes {
		i := h.byUID[nodes[n].UID]
		if nodes[n].Managed || i == nil {
			continue
		}
		for _, uid := range h.parents(i, claims) {
			if inTree[uid] {
				nodes[n].Parents = append(nodes[n].Parents, uid)
			}
		}
	}
}

// children are what was found, by the UIDs of their owners, in the order of keys.
func (h *harvest) children() map[string][]*item {
	claims, out := h.claims(), map[string][]*item{}
	for _, i := range h.byUID {
		for _, uid := range h.parents(i, claims) {
			out[uid] = append(out[uid], i)
		}
	}
	for _, all := range out {
		slices.SortFunc(all, func(a, b *item) int { return a.node.Ref.Compare(b.node.Ref.ObjectKey) })
	}
	return out
}

// claims are the UIDs of StatefulSets by how the names of their claims begin.
func (h *harvest) claims() map[string]string {
	out := map[string]string{}
	for uid, i := range h.byUID {
		for _, prefix := range i.claims {
			out[i.node.Ref.Namespace+"/"+prefix] = uid
		}
	}
	return out
}

// parents are the UIDs of an object's owners. A StatefulSet's claims outlive it unless
// it says otherwise, so that it is not their owner: they are known by their names.
//
// Whoever writes an object says what owns it. As in Kubernetes that is something of the
// same namespace, or of none.
func (h *harvest) parents(i *item, claims map[string]string) []string {
	var out []string
	for _, o := range i.owners {
		if at := h.byUID[o.uid]; at != nil && (at.node.Ref.Namespace == "" || at.node.Ref.Namespace == i.node.Ref.Namespace) {
			out = append(out, o.uid)
		}
	}
	if len(i.owners) == 0 && i.node.Ref.Kind == claimKind.Kind && i.node.Ref.Group == "" {
		at := strings.LastIndexByte(i.node.Ref.Name, '-')
		if uid := claims[i.node.Ref.Namespace+"/"+i.node.Ref.Name[:at+1]]; uid != "" {
			out = append(out, uid)
		}
	}
	return out
}

// root is the node of one of the app's own objects; not ok if it was pruned meanwhile.
func (h *harvest) root(r model.ResourceState) (view.Node, bool) {
	node := view.Node{Ref: r.Object, Health: r.Health.Status, Message: r.Health.Message}
	if i := h.byKey[r.Object.ObjectKey]; i != nil {
		node = i.node
		node.Ref = r.Object
		if !i.judged && r.Health.Status != "" && !node.Deleting {
			node.Health, node.Message = r.Health.Status, r.Health.Message
		}
	} else if why, missing := h.missing(r.Object); missing {
		if r.Prune {
			return view.Node{}, false
		}
		node.Health, node.Message = model.Missing, why
	}
	if node.Message == "" {
		node.Message = r.Message
	}
	node.Managed, node.Hook, node.Sync = true, r.Hook, r.Sync
	node.Wave, node.Prune = r.Wave, r.Prune
	return node, true
}

// missing reports whether an object that was not found does not exist, and why.
func (h *harvest) missing(ref model.ObjectRef) (why string, missing bool) {
	if h.lost {
		return "", false
	}
	r, ok := h.kinds.find(ref)
	if !ok {
		return "The cluster does not know kind " + kindTitle(ref.ObjectKey) + ".", true
	}
	if h.read[r.in(ref.Namespace, "")] || h.read[r.in(ref.Namespace, ref.Name)] {
		return "It does not exist.", true
	}
	return "", false
}
