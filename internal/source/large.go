package source

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/lfs"
)

// large is the content that an LFS pointer stands for. It is kept on disk for
// those credentials that have got it.
func (t *tree) large(in *content, p lfs.Pointer, limit int64) ([]byte, error) {
	if p.Size > limit {
		return nil, (&tooLarge{p.Size}).refusal(limit)
	}
	a := in.access
	dir := filepath.Join(a.mirror.dir, "lfs", a.scope())
	if data, err := os.ReadFile(filepath.Join(dir, p.OID)); err == nil && p.Check(data) == nil {
		return data, nil
	}
	config, err := t.lfsConfig(in)
	if err != nil {
		return nil, err
	}
	ctx, cancel := in.patience()
	defer cancel()
	var data []byte
	err = a.try(ctx, fetchPatience, func(ctx context.Context, c call) error {
		server, err := a.lfsServer(ctx, c, config)
		if err != nil {
			return err
		}
		a.store.stats.lfsFiles.Add(1)
		data, err = server.Get(ctx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := keepFile(dir, p.OID, data); err != nil {
		a.store.cfg.Log.Warn("keeping a file of LFS failed", "repository", a.orig.String(), "error", err)
	}
	return data, nil
}

func keepFile(dir, name string, data []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp := filepath.Join(dir, "tmp_"+rand.Text())
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}

// lfsConfig is the URL of the LFS server that the repository itself names; "" if
// it names none.
func (t *tree) lfsConfig(in *content) (string, error) {
	entries, err := in.entries(in.root)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.name != ".lfsconfig" || !e.isFile() {
			continue
		}
		data, err := t.blob(in.node().child(e), 1<<20)
		if err != nil {
			return "", fmt.Errorf(".lfsconfig: %w", err)
		}
		return parseLFSConfig(string(data)), nil
	}
	return "", nil
}

func parseLFSConfig(text string) string {
	section, found := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section, _, _ = strings.Cut(strings.ToLower(line[1:]), "]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if ok && section == "lfs" && strings.EqualFold(strings.TrimSpace(key), "url") {
			found = configValue(value)
		}
	}
	return found
}

// lfsServer is the LFS server of a base. One that the repository names has to be
// at the same host: what is in a repository must not decide whom we connect to.
func (a *access) lfsServer(ctx context.Context, c call, config string) (lfs.Server, error) {
	server := lfs.Server{Settings: a.settings(c.auth), Header: http.Header{}}
	switch c.at.scheme {
	case "http", "https":
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.at.String(), nil)
		if err != nil {
			return server, model.Invalidf("the repository's URL can't be parsed")
		}
		setLogin(r, c.auth)
		server.Header = r.Header
		server.URL = strings.TrimSuffix(strings.TrimRight(c.at.String(), "/"), ".git") + ".git/info/lfs"
	case "ssh":
		if err := a.lfsOverSSH(ctx, c, &server); err != nil {
			return server, err
		}
	default:
		return server, model.Invalidf("files of LFS can't be read from a local repository")
	}
	if config == "" {
		return server, nil
	}
	own, err := url.Parse(config)
	base, baseErr := url.Parse(server.URL)
	if err != nil || baseErr != nil || own.User != nil || own.Scheme != base.Scheme || !strings.EqualFold(own.Host, base.Host) {
		return server, model.As(model.ErrDenied, fmt.Errorf(".lfsconfig names an LFS server that is not at the repository's own host (%s), which is not allowed", base.Host))
	}
	server.URL = config
	return server, nil
}
