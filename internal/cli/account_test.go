package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// secretServer serves argocd-cm and argocd-secret. It refuses the first write with a
// conflict.
type secretServer struct {
	mu     sync.Mutex
	data   map[string]string // decoded; nil: there is no Secret
	writes int
}

func (s *secretServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/api/v1/namespaces/argocd/configmaps/argocd-cm":
		_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]string{"accounts.ci": "apiKey"}})
		return
	case r.URL.Path != "/api/v1/namespaces/argocd/secrets/argocd-secret" || s.data == nil:
		status(w, http.StatusNotFound, "NotFound")
		return
	case r.Method == http.MethodPut:
		if s.writes++; s.writes == 1 {
			status(w, http.StatusConflict, "Conflict")
			return
		}
		var o struct{ Data map[string][]byte }
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			status(w, http.StatusBadRequest, "BadRequest")
			return
		}
		s.data = map[string]string{}
		for k, v := range o.Data {
			s.data[k] = string(v)
		}
	}
	encoded := map[string]string{}
	for k, v := range s.data {
		encoded[k] = base64.StdEncoding.EncodeToString([]byte(v))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "argocd-secret", "resourceVersion": "1"}, "data": encoded,
	})
}

func status(w http.ResponseWriter, code int, reason string) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "code": code})
}

// sampleAccounts keeps tokens in one key of the Secret, an id a line.
func sampleAccounts(files AccountFiles) Accounts {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	list := []Account{{Name: "admin", Enabled: true, Capabilities: []string{"login"}, Password: new(true)}}
	for key, value := range files.ConfigMap {
		a := Account{Name: strings.TrimPrefix(key, "accounts."), Enabled: true, Capabilities: []string{value}, Password: new(false)}
		for id := range strings.FieldsSeq(string(files.Secret["tokens"])) {
			a.Tokens = append(a.Tokens, AccountToken{ID: id, IssuedAt: at})
		}
		list = append(list, a)
	}
	return Accounts{
		List: func(context.Context) ([]Account, error) { return list, nil },
		Issue: func(ctx context.Context, account, id string, lasts time.Duration) (string, error) {
			return fmt.Sprintf("token-%s-%s-%s", account, id, lasts), files.Update(ctx, func(data map[string][]byte) error {
				data["tokens"] = append(data["tokens"], " "+id...)
				return nil
			})
		},
		UpdatePassword: func(ctx context.Context, account, current, next string) error {
			if current != "correct" {
				return errors.New("wrong name or password")
			}
			return files.Update(ctx, func(data map[string][]byte) error {
				data[account] = []byte(next)
				return nil
			})
		},
		SetPassword: func(ctx context.Context, account, next string) error {
			return files.Update(ctx, func(data map[string][]byte) error {
				data[account] = []byte("without being asked: " + next)
				return nil
			})
		},
		Delete: func(ctx context.Context, _, id string) error {
			return files.Update(ctx, func(data map[string][]byte) error {
				if !strings.Contains(string(data["tokens"]), id) {
					return model.As(model.ErrNotFound, errors.New("no such token"))
				}
				data["tokens"] = []byte(strings.ReplaceAll(string(data["tokens"]), id, ""))
				return nil
			})
		},
	}
}

func runAccount(t *testing.T, server http.Handler, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	listener := httptest.NewServer(server)
	defer listener.Close()
	config := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: a, clusters: [{name: a, cluster: {server: %q}}],
contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a, user: {}}]}`, listener.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if args[0] != "bcrypt" {
		args = append(args, "--kubeconfig", config)
	}
	var out, errs bytes.Buffer
	cmd := New(Deps{In: strings.NewReader(stdin), Out: &out, Err: &errs, Accounts: sampleAccounts})
	cmd.SetArgs(append([]string{"account"}, args...))
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errs.String(), err
}

// TestAccountTokens makes, lists and deletes a token, and goes on where somebody else
// writes the Secret meanwhile.
func TestAccountTokens(t *testing.T) {
	server := &secretServer{data: map[string]string{"server.secretkey": "k", "other": "kept"}}
	out, _, err := runAccount(t, server, "", "generate-token", "ci", "--id", "release", "--expires-in", "1h")
	if err != nil || out != "token-ci-release-1h0m0s\n" {
		t.Fatalf("generate-token: %q, %v", out, err)
	}
	if server.writes != 2 || server.data["tokens"] != " release" || server.data["other"] != "kept" {
		t.Errorf("after %d writes the Secret has %q", server.writes, server.data)
	}
	out, _, err = runAccount(t, server, "", "list")
	rows := [][]string{
		{"NAME", "ENABLED", "CAPABILITIES", "PASSWORD", "TOKEN", "ISSUED", "EXPIRES"},
		{"admin", "yes", "login", "yes", "-", "-"},
		{"ci", "yes", "apiKey", "no", "release", "2026-01-02T03:04:05Z", "never"},
	}
	var got [][]string
	for line := range strings.Lines(out) {
		got = append(got, strings.Fields(line))
	}
	if diff := cmp.Diff(rows, got); err != nil || diff != "" {
		t.Errorf("list: %v\n%s", err, diff)
	}
	if out, _, err = runAccount(t, server, "", "delete-token", "ci", "release"); err != nil || !strings.Contains(out, "revoked") {
		t.Errorf("delete-token: %q, %v", out, err)
	}
	if _, _, err = runAccount(t, server, "", "delete-token", "ci", "release"); !errors.Is(err, model.ErrNotFound) || !strings.Contains(err.Error(), "account list") {
		t.Errorf("delete-token twice: %v", err)
	}
	if _, _, err = runAccount(t, &secretServer{}, "", "list"); err == nil || !strings.Contains(err.Error(), "--argocd-namespace") {
		t.Errorf("without a Secret: %v", err)
	}
}

// TestAccountBcrypt hashes what is written to standard input, and no argument.
func TestAccountBcrypt(t *testing.T) {
	out, _, err := runAccount(t, nil, "correct horse\nmore", "bcrypt")
	if err != nil || bcrypt.CompareHashAndPassword([]byte(strings.TrimSpace(out)), []byte("correct horse")) != nil {
		t.Errorf("the hash is %q, %v", out, err)
	}
	for stdin, args := range map[string][]string{
		"": {"bcrypt"}, "\n": {"bcrypt"}, strings.Repeat("x", 73): {"bcrypt"}, "x": {"bcrypt", "hunter2"},
	} {
		if out, _, err := runAccount(t, nil, stdin, args...); err == nil || out != "" {
			t.Errorf("%v with %d bytes: %q, %v", args, len(stdin), out, err)
		}
	}
}
