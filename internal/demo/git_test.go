package demo

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPush pushes through the Git server as the demo does: the webhook is
// called as GitHub calls it, signed, before the push is over.
func TestPush(t *testing.T) {
	type call struct {
		header http.Header
		body   []byte
	}
	calls := make(chan call, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- call{r.Header, body}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer receiver.Close()
	dir := t.TempDir()
	var subjects []string
	h := &host{
		secret: "a secret",
		pushed: func(_, subject string, _ time.Time) { subjects = append(subjects, subject) },
		failed: func(err error) { t.Error(err) },
	}
	addr := strings.TrimPrefix(receiver.URL, "http://")
	h.receiver.Store(&addr)
	if err := startHost(t.Context(), filepath.Join(dir, "git"), h); err != nil {
		t.Fatal(err)
	}
	defer h.server.Close()
	d := &demo{host: h, clone: clone{dir: filepath.Join(dir, "clone"), url: h.cloneURL()}}

	first, err := d.pushGreeting(t.Context(), "Hello")
	if err != nil {
		t.Fatal(err)
	}
	if head, err := h.head(t.Context()); err != nil || head != first {
		t.Fatalf("the server is at %s (%v) after commit %s was pushed", head, err, first)
	}
	got := <-calls
	mac := hmac.New(sha256.New, []byte("a secret"))
	mac.Write(got.body)
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); got.header.Get("X-Hub-Signature-256") != want {
		t.Errorf("the call is signed %q, want %q", got.header.Get("X-Hub-Signature-256"), want)
	}
	var event struct {
		Ref, After string
		Repository struct {
			CloneURL string `json:"clone_url"`
		}
	}
	if err := json.Unmarshal(got.body, &event); err != nil {
		t.Fatal(err)
	}
	if event.Ref != "refs/heads/main" || event.After != first || event.Repository.CloneURL != h.cloneURL() {
		t.Errorf("the call is of %+v", event)
	}

	for _, push := range []func() (string, error){
		func() (string, error) { return d.pushBroken(t.Context()) },
		func() (string, error) { return d.pushRepair(t.Context()) },
	} {
		if _, err := push(); err != nil {
			t.Fatal(err)
		}
		if _, err := push(); !errors.Is(err, errBroken) && !errors.Is(err, errWhole) {
			t.Errorf("doing it twice gives %v", err)
		}
	}
	if got, want := strings.Join(subjects, ", "), "Greet with Hello, Break the Service, Repair the Service"; got != want {
		t.Errorf("pushed: %s, want %s", got, want)
	}
}

// TestWebhookRefused: what the receiver says is told, so that a silent wait for
// the next poll is explained.
func TestWebhookRefused(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "it is not signed", http.StatusUnauthorized)
	}))
	defer receiver.Close()
	addr := strings.TrimPrefix(receiver.URL, "http://")
	failed := make(chan error, 10)
	h := &host{pushed: func(string, string, time.Time) {}, failed: func(err error) { failed <- err }}
	h.receiver.Store(&addr)
	dir := t.TempDir()
	if err := startHost(t.Context(), filepath.Join(dir, "git"), h); err != nil {
		t.Fatal(err)
	}
	defer h.server.Close()
	d := &demo{host: h, clone: clone{dir: filepath.Join(dir, "clone"), url: h.cloneURL()}}
	if _, err := d.pushGreeting(t.Context(), "Hello"); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !strings.Contains(err.Error(), "it is not signed") {
		t.Errorf("the error does not tell why: %v", err)
	}
}
