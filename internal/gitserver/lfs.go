package gitserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// lfsType is the media type of the LFS batch API.
const lfsType = "application/vnd.git-lfs+json"

// lfsRequests are the paths of the LFS API; only downloads are served.
var lfsRequests = regexp.MustCompile(`^/(.+?)(?:\.git)?/info/lfs/objects/(batch|[0-9a-f]{64})$`)

// PutLarge stores a file for LFS and returns its pointer, which is what belongs
// into the repository.
func (s *Server) PutLarge(_ context.Context, repo string, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	oid := hex.EncodeToString(sum[:])
	dir := filepath.Join(s.Path(repo), "lfs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("storing a large file of %q: %w", repo, err)
	}
	if err := os.WriteFile(filepath.Join(dir, oid), data, 0o600); err != nil {
		return "", fmt.Errorf("storing a large file of %q: %w", repo, err)
	}
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, len(data)), nil
}

// serveLFS answers a request of the LFS API; false if it is none.
func (s *Server) serveLFS(w http.ResponseWriter, r *http.Request) bool {
	m := lfsRequests.FindStringSubmatch(r.URL.Path)
	if m == nil || !validName(m[1]) {
		return false
	}
	token := r.Header.Get("Authorization") == s.lfsToken()
	if !token && !s.allowed(w, r, m[1]) {
		return true
	}
	if m[2] == "batch" {
		s.lfsBatch(w, r, m[1])
		return true
	}
	http.ServeFile(w, r, filepath.Join(s.Path(m[1]), "lfs", m[2]))
	return true
}

// lfsToken is what git-lfs-authenticate gives to those who came over SSH.
func (s *Server) lfsToken() string { return "RemoteAuth " + s.secret }

type lfsAction struct {
	Href   string            `json:"href"`
	Header map[string]string `json:"header,omitempty"`
}

type lfsError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type lfsObject struct {
	OID     string               `json:"oid"`
	Size    int64                `json:"size"`
	Actions map[string]lfsAction `json:"actions,omitempty"`
	Error   *lfsError            `json:"error,omitempty"`
}

func (s *Server) lfsBatch(w http.ResponseWriter, r *http.Request, repo string) {
	var ask struct {
		Operation string      `json:"operation"`
		Objects   []lfsObject `json:"objects"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&ask)
	if r.Method != http.MethodPost || err != nil || ask.Operation != "download" {
		http.Error(w, `{"message": "only downloads are served"}`, http.StatusUnprocessableEntity)
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	for i, o := range ask.Objects {
		at := "/" + repo + ".git/info/lfs/objects/" + o.OID
		if _, err := os.Stat(filepath.Join(s.Path(repo), "lfs", filepath.Base(o.OID))); err != nil || !lfsRequests.MatchString(at) {
			ask.Objects[i].Error = &lfsError{http.StatusNotFound, "there is no such object"}
			continue
		}
		ask.Objects[i].Actions = map[string]lfsAction{"download": {
			Href: scheme + "://" + r.Host + at, Header: map[string]string{"Authorization": s.lfsToken()},
		}}
	}
	w.Header().Set("Content-Type", lfsType)
	_ = json.NewEncoder(w).Encode(map[string]any{"transfer": "basic", "objects": ask.Objects})
}

// lfsAuthenticate is the answer to the command git-lfs-authenticate.
func (s *Server) lfsAuthenticate(repo string) string {
	out, err := json.Marshal(lfsAction{
		Href:   strings.TrimSuffix(s.URL(repo), ".git") + ".git/info/lfs",
		Header: map[string]string{"Authorization": s.lfsToken()},
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(out)
}
