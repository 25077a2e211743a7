package demo

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// narrator puts what is seen into words, a line for each thing that happened.
type narrator struct {
	followers []follower

	mu       sync.Mutex
	pushes   map[string]time.Time // by commit: when the Git server had it
	troubles map[place]trouble
}

// trouble is an object that is not as declared, by somebody's hand.
type trouble struct {
	at time.Time
	// content is what it was before; "" if it was deleted.
	content string
}

func newNarrator(followers []follower) *narrator {
	return &narrator{followers: followers, pushes: map[string]time.Time{}, troubles: map[place]trouble{}}
}

// pushed notes a push, so that the time from it can be told.
func (n *narrator) pushed(commit string, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pushes[commit] = at
}

// pushTime is when the Git server had a commit.
func (n *narrator) pushTime(commit string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pushes[commit]
}

// see is what a change means: lines, and whom they are about.
func (n *narrator) see(at time.Time, where place, before, after *unstructured.Unstructured) (about string, lines []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch where.resource {
	case applications, kustomizations:
		for _, f := range n.followers {
			if f.app == where {
				return f.String(), n.app(at, before, after)
			}
		}
	case repositories:
		if where.name != repository {
			return "", nil
		}
		return "Flux " + where.namespace + "/" + where.name, n.repository(at, before, after)
	default:
		for _, f := range n.followers {
			if f.namespace == where.namespace {
				return f.String(), n.object(at, where, before, after)
			}
		}
	}
	return "", nil
}

func (n *narrator) app(at time.Time, before, after *unstructured.Unstructured) []string {
	switch {
	case after == nil:
		return []string{"the app is deleted"}
	case before == nil:
		return []string{"the app is declared"}
	}
	was, is := viewOf(before), viewOf(after)
	var lines []string
	if is.Applied != "" && is.Applied != was.Applied {
		lines = append(lines, "synced: "+count(is.Objects)+" at commit "+n.commit(is.Applied, at))
	}
	if is.Error != "" && is.Error != was.Error {
		lines = append(lines, "error: "+plain(gist(is.Error), 400))
		if is.Applied != "" && was.Error == "" {
			lines = append(lines, "what is applied stays: "+short(is.Applied)+", the last commit that was good")
		}
	}
	if is.Error == "" && was.Error != "" {
		lines = append(lines, "the error is gone")
	}
	if is.State != was.State {
		lines = append(lines, "is "+is.State)
	}
	return lines
}

func (n *narrator) repository(at time.Time, before, after *unstructured.Unstructured) []string {
	was, known := repositoryView(before)
	is, problem := repositoryView(after)
	var lines []string
	if is != "" && is != was {
		lines = append(lines, "has fetched commit "+n.commit(is, at))
	}
	if problem != "" && problem != known {
		lines = append(lines, "error: "+plain(gist(problem), 400))
	}
	return lines
}

// commit names a commit and how long ago it was pushed.
func (n *narrator) commit(id string, at time.Time) string {
	pushed, known := n.pushes[id]
	if !known {
		return short(id)
	}
	return fmt.Sprintf("%s, %s after the push", short(id), took(at.Sub(pushed)))
}

func (n *narrator) object(at time.Time, where place, before, after *unstructured.Unstructured) []string {
	if !isMarked(before) && !isMarked(after) {
		return nil
	}
	t, troubled := n.troubles[where]
	switch {
	case after == nil:
		n.troubles[where] = trouble{at: at}
		return []string{named(before) + " was deleted"}
	case before == nil && troubled:
		delete(n.troubles, where)
		return []string{named(after) + " is back, " + took(at.Sub(t.at)) + " later"}
	case before == nil || content(before) == content(after):
		return nil
	case troubled && t.content == content(after):
		delete(n.troubles, where)
		return []string{named(after) + " is as Git declares it again, " + took(at.Sub(t.at)) + " later"}
	}
	if who := editor(before, after); who != "" {
		if !troubled {
			n.troubles[where] = trouble{at: at, content: content(before)}
		}
		return []string{named(after) + " was changed by " + who}
	}
	delete(n.troubles, where)
	return []string{named(after) + " was updated"}
}

func named(u *unstructured.Unstructured) string {
	return u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName()
}

// count is "1 object" or "2 objects".
func count(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}
