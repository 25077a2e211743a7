package demo

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fixpoint-cd/fixpoint/examples"
	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
)

// host is the Git host: a server with the examples, and a webhook.
type host struct {
	server *gitserver.Server
	secret string
	// receiver is the address of the controller's webhook, once it is known.
	receiver atomic.Pointer[string]
	// pushed is called with every commit on the branch that the apps follow.
	pushed func(commit, subject string, at time.Time)
	// failed is called when a webhook call was not taken.
	failed func(error)
}

// startHost serves the repositories in dir; those that are not there are made
// from the examples.
func startHost(ctx context.Context, dir string, h *host) error {
	h.server = gitserver.New(dir)
	h.server.OnPush = func(repo string, changes []gitserver.RefChange) { h.received(ctx, repo, changes) }
	for _, name := range examples.Repositories() {
		if err := h.publish(ctx, name); err != nil {
			return err
		}
	}
	return h.server.Start()
}

func (h *host) publish(ctx context.Context, name string) error {
	if err := h.server.Create(ctx, name); err != nil {
		return err
	}
	refs, err := h.server.Refs(ctx, name)
	if err != nil || refs["refs/heads/"+branch] != "" {
		return err
	}
	files, err := textFiles(examples.Repository(name))
	if err != nil {
		return fmt.Errorf("reading example %s: %w", name, err)
	}
	_, err = h.server.Commit(ctx, name, branch, "The example as it comes", files)
	return err
}

func textFiles(root fs.FS) (map[string]*string, error) {
	files := map[string]*string{}
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		text := string(data)
		files[name] = &text
		return err
	})
	return files, err
}

// base is what the mirrored URLs begin with.
func (h *host) base() string { return h.server.BaseURL() }

// cloneURL is where users clone the repository of the apps from.
func (h *host) cloneURL() string { return h.server.URL(repository) }

// head is the newest commit of the branch.
func (h *host) head(ctx context.Context) (string, error) {
	refs, err := h.server.Refs(ctx, repository)
	return refs["refs/heads/"+branch], err
}

// received tells of a push, and calls the webhook as GitHub does.
func (h *host) received(ctx context.Context, repo string, changes []gitserver.RefChange) {
	at := time.Now()
	for _, c := range changes {
		if repo == repository && c.Ref == "refs/heads/"+branch && c.New != "" {
			h.pushed(c.New, subject(ctx, h.server.Path(repo), c.New), at)
		}
		to := h.receiver.Load()
		if to == nil {
			continue
		}
		if err := h.call(ctx, "http://"+*to+"/webhook", repo, c); err != nil {
			h.failed(err)
		}
	}
}

// call sends a push event in GitHub's form, signed.
func (h *host) call(ctx context.Context, url, repo string, c gitserver.RefChange) error {
	clone := h.server.URL(repo)
	body, err := json.Marshal(map[string]any{
		"ref": c.Ref, "before": c.Old, "after": c.New,
		"repository": map[string]any{
			"name": repo, "full_name": repo, "clone_url": clone, "html_url": strings.TrimSuffix(clone, ".git"),
		},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, []byte(h.secret))
	mac.Write(body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Github-Event", "push")
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("calling the controller's webhook: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("the controller's webhook answered %s: %s", resp.Status, plain(string(text), 300))
	}
	return nil
}
