package source

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// maxNested is how many submodules may lie in one another.
const maxNested = 10

// submodules are those of a tree that have been read so far, by their paths.
type submodules struct {
	mu   sync.Mutex
	open map[string]*content
}

// inside is the root of a submodule where submodules are read, and any other
// node itself.
func (t *tree) inside(n node) (node, error) {
	if !n.isRepo() || !t.flags.submodules {
		return n, nil
	}
	t.subs.mu.Lock()
	c := t.subs.open[n.path]
	t.subs.mu.Unlock()
	if c != nil {
		return c.node(), nil
	}
	c, err := t.openSubmodule(n)
	if err != nil {
		return node{}, fmt.Errorf("submodule %s: %w", n.path, err)
	}
	t.subs.mu.Lock()
	defer t.subs.mu.Unlock()
	if t.subs.open == nil {
		t.subs.open = map[string]*content{}
	}
	t.subs.open[n.path] = c
	return c.node(), nil
}

// openSubmodule fetches the commit of a submodule into the mirror of its own
// repository.
func (t *tree) openSubmodule(n node) (*content, error) {
	if n.in.depth >= maxNested {
		return nil, model.Invalidf("more than %d submodules lie in one another", maxNested)
	}
	raw, err := t.moduleURL(n)
	if err != nil {
		return nil, err
	}
	a, err := n.in.access.submodule(raw)
	if err != nil {
		return nil, err
	}
	c := &content{access: a, commit: n.id.String(), at: n.path, depth: n.in.depth + 1}
	ctx, cancel := c.patience()
	defer cancel()
	done, err := a.mirror.use(ctx)
	if err != nil {
		return nil, waiting(err)
	}
	defer done()
	// The mirror may hold the commit by somebody else's credentials.
	name := refName(model.Ref{Commit: c.commit})
	if _, err := a.proven(ctx, name, c.commit); err != nil {
		return nil, err
	}
	if err := a.need(ctx, map[string]bool{c.commit: true}); err != nil {
		return nil, err
	}
	if _, c.root, err = a.mirror.load(c.commit); err != nil {
		return nil, err
	}
	if err := a.mirror.keep(ctx, a.scope(), map[string]kept{name: {commit: c.commit}}); err != nil {
		a.store.cfg.Log.Warn("noting the commit of a submodule failed", "repository", a.orig.String(), "error", err)
	}
	return c, nil
}

// moduleURL is what .gitmodules says about a submodule.
func (t *tree) moduleURL(n node) (string, error) {
	entries, err := n.in.entries(n.in.root)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.name != ".gitmodules" || !e.isFile() {
			continue
		}
		data, err := t.blob(n.in.node().child(e), 1<<20)
		if err != nil {
			return "", fmt.Errorf(".gitmodules: %w", err)
		}
		if url := parseModules(string(data))[n.in.below(n.path)]; url != "" {
			return url, nil
		}
	}
	return "", model.Invalidf(".gitmodules has no URL for it; add one or remove the submodule")
}

// below is a path of the tree as one of the content.
func (c *content) below(name string) string {
	switch c.at {
	case ".":
		return name
	case name:
		return "."
	}
	return strings.TrimPrefix(name, c.at+"/")
}

// submodule opens the repository of a submodule. It gets the credentials of the
// repository around it only at the same host.
func (a *access) submodule(raw string) (*access, error) {
	if strings.HasPrefix(raw, "./") || strings.HasPrefix(raw, "../") {
		var err error
		if raw, err = a.orig.relative(raw); err != nil {
			return nil, err
		}
	}
	r, user, err := parseURL(raw, a.orig.scheme == "file" && a.store.cfg.AllowLocal)
	if err != nil {
		return nil, err
	}
	if r.scheme == "http" && a.orig.scheme != "http" {
		return nil, model.As(model.ErrDenied, fmt.Errorf("%s: a submodule is read over plain http only if the repository around it is, too; use https", r))
	}
	auth := model.Auth{}
	if r.host == a.orig.host {
		auth = a.auth
	}
	a.store.mu.Lock()
	defer a.store.mu.Unlock()
	policy := a.store.notHere
	if sameMachine(r, a.orig) {
		policy = a.policy
	}
	sub := a.store.accessTo(r, withUserinfo(auth, user), a.proxy, policy)
	sub.timeout.Store(a.timeout.Load())
	return sub, nil
}

// sameMachine compares hosts, whatever their ports.
func sameMachine(a, b remote) bool {
	x, _ := a.hostPort()
	y, _ := b.hostPort()
	return x == y
}

// relative is a URL that is given relative to the repository.
func (r remote) relative(to string) (string, error) {
	for {
		if rest, ok := strings.CutPrefix(to, "./"); ok {
			to = rest
			continue
		}
		rest, ok := strings.CutPrefix(to, "../")
		if !ok {
			break
		}
		to = rest
		if at := strings.Trim(r.path, "/"); at == "" || at == "." {
			return "", model.As(model.ErrInvalid, errors.New("its relative URL leads above the host"))
		}
		r.path = path.Dir(strings.TrimRight(r.path, "/"))
	}
	if r.path == "." {
		r.path = ""
	}
	r.path = join(r.path, to)
	if r.scp {
		r.path = strings.TrimPrefix(r.path, "/")
	}
	return r.String(), nil
}

// parseModules reads a .gitmodules file: URLs by path. What git would not read
// either is left out.
func parseModules(text string) map[string]string {
	out := map[string]string{}
	var at, url string
	end := func() {
		if at != "" && url != "" {
			out[at] = url
		}
		at, url = "", ""
	}
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			end()
			in = strings.HasPrefix(strings.ToLower(line), "[submodule ")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !in || !ok {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "path":
			at = strings.TrimSuffix(configValue(value), "/")
		case "url":
			url = configValue(value)
		}
	}
	end()
	return out
}

// configValue takes the quotes and comments off a value of git's configuration.
func configValue(text string) string {
	var b strings.Builder
	quoted, space := false, 0
	text = strings.TrimSpace(text)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++
			c = text[i]
		case c == '"':
			quoted = !quoted
			continue
		case !quoted && (c == '#' || c == ';'):
			return b.String()[:b.Len()-space]
		}
		if space++; quoted || c != ' ' && c != '\t' {
			space = 0
		}
		b.WriteByte(c)
	}
	return b.String()
}
