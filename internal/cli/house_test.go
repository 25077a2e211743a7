package cli

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/api"
	"github.com/fixpoint-cd/fixpoint/internal/front"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// house is a server as it is, the API behind the front door, with the sample of
// viewtest behind it. alice has the password "correct", and the token "ci-token".
type house struct {
	*httptest.Server
	backend *busy

	mu     sync.Mutex
	tokens map[string]bool // that are taken
	agents map[string]bool
	issued int
	front.SignIn
}

func newHouse(t *testing.T, serve func(http.Handler) *httptest.Server) *house {
	t.Helper()
	h := &house{backend: &busy{Backend: viewtest.New()}, tokens: map[string]bool{"ci-token": true}, agents: map[string]bool{}}
	h.backend.Edit(viewtest.Key(view.KindApplication, "team-web", "preview-42"), func(d *view.Detail) { // synced by hand
		d.Declaration = maps.Clone(d.Declaration)
		d.Declaration["spec"] = maps.Clone(d.Declaration["spec"].(map[string]any))
		delete(d.Declaration["spec"].(map[string]any), "syncPolicy")
	})
	inside := api.New(api.Config{Pause: 1, Login: h.login, Logout: h.logout})
	h.Server = serve(front.New(front.Config{
		SignIn: h, Desk: func(r front.Reader) view.Desk {
			return viewtest.Desk(h.backend, viewtest.Options{Who: view.Who{Name: r.Identity.Subject}})
		},
		API: inside, Pages: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
		Audit: func(context.Context, view.Audit) error { return nil },
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *house) login(_ context.Context, name, password, _ string) (api.Session, error) {
	if name == "eve" {
		return api.Session{}, api.Busy{After: 7 * time.Second}
	}
	if name != "alice" || password != "correct" {
		return api.Session{}, view.ErrUnauthenticated
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.issued++
	token := "session-" + strconv.Itoa(h.issued)
	h.tokens[token] = true
	return api.Session{Token: token, Expires: viewtest.Now.Add(24 * time.Hour)}, nil
}

func (h *house) logout(r *http.Request) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	return nil
}

// Authenticate is front.SignIn's.
func (h *house) Authenticate(r *http.Request) (access.Identity, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.agents[r.UserAgent()] = true
	if h.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		return access.Identity{Subject: "alice"}, nil
	}
	return access.Identity{}, view.ErrUnauthenticated
}

// takes reports whether a token is good.
func (h *house) takes(token string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tokens[token]
}

// strangers reports whether others than the command line have asked.
func (h *house) strangers() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for agent := range h.agents {
		if !strings.HasPrefix(agent, "fixpoint/") {
			return true
		}
	}
	return len(h.agents) == 0
}

// While is front.SignIn's.
func (*house) While(ctx context.Context, _ access.Identity) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

// Valid is front.SignIn's.
func (*house) Valid(context.Context, access.Identity) error { return nil }

// busy is a Backend whose deeds are done at once.
type busy struct{ *viewtest.Backend }

// Sync is that of viewtest, and its end.
func (b *busy) Sync(ctx context.Context, app model.AppKey, by string, r view.SyncRequest) error {
	return b.do(app, b.Backend.Sync(ctx, app, by, r))
}

// Rollback is that of viewtest, and its end.
func (b *busy) Rollback(ctx context.Context, app model.AppKey, by string, r view.RollbackRequest) error {
	return b.do(app, b.Backend.Rollback(ctx, app, by, r))
}

func (b *busy) do(app model.AppKey, err error) error {
	if err != nil {
		return err
	}
	if app.Dialect != "argo" {
		return b.changed(app, nil)
	}
	b.Edit(app, func(d *view.Detail) {
		d.Operation.Results = []view.Result{
			{Ref: viewtest.Ref("ConfigMap", "shop", "settings"), Status: "updated", Phase: "Sync"},
			{Ref: viewtest.Ref("Service", "shop", "web"), Status: "unchanged", Phase: "Sync"},
		}
		if d.Project == "payments" {
			d.Operation.Results[1].Failed, d.Operation.Results[1].Status, d.Operation.Results[1].Message = true, "failed", "its selector can't be changed"
		}
	})
	b.Finish(app)
	b.Edit(app, func(d *view.Detail) {
		if d.Project == "payments" {
			d.Operation.Phase, d.Operation.Message, d.Phase = model.PhaseFailed, "one object could not be written", model.PhaseFailed
		}
	})
	return nil
}

// Refresh is that of viewtest, after which the object is another.
func (b *busy) Refresh(ctx context.Context, app model.AppKey, by string, hard bool) error {
	return b.changed(app, b.Backend.Refresh(ctx, app, by, hard))
}

func (b *busy) changed(app model.AppKey, err error) error {
	if err != nil {
		return err
	}
	b.Edit(app, func(d *view.Detail) {
		meta := maps.Clone(d.Declaration["metadata"].(map[string]any))
		meta["resourceVersion"] = "4712"
		d.Declaration = maps.Clone(d.Declaration)
		d.Declaration["metadata"] = meta
	})
	return nil
}

// run runs one command line and says what came of it. Words are split at blanks; what
// stands in single quotes stays together.
func run(t *testing.T, line, stdin string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := New(Deps{In: strings.NewReader(stdin), Out: &stdout, Err: &stderr, Now: func() time.Time { return viewtest.Now }})
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
			continue
		}
		args = append(args, strings.Fields(part)...)
	}
	cmd.SetArgs(args)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	code := Exit(&stderr, cmd.ExecuteContext(ctx))
	return fmt.Sprintf("$ fixpoint %s\n%s%s[exit %d]\n", line, &stdout, &stderr, code)
}

// alone gives the test an empty home and no server and cluster but its own.
func alone(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": "", "KUBECONFIG": home + "/none", "KUBERNETES_SERVICE_HOST": "", "FIXPOINT_SERVER": "", "FIXPOINT_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	return home
}

// TestRemote runs commands against a server: see golden. stdin is what is typed; deeds is
// what the server was asked for.
func TestRemote(t *testing.T) { //nolint:tparallel // it sets the environment
	home := alone(t)
	t.Setenv("FIXPOINT_TOKEN", "ci-token")
	golden(t, "remote", func(t *testing.T, comment string, files map[string][]byte) string {
		h := newHouse(t, httptest.NewServer)
		var out strings.Builder
		for line := range strings.Lines(comment) {
			words, ok := strings.CutPrefix(line, "fixpoint ")
			if !ok {
				continue
			}
			words = strings.TrimSuffix(words, "\n")
			args := words
			if !strings.Contains(words, "--server") {
				args += " --server " + h.URL
			}
			out.WriteString(strings.Replace(run(t, args, string(files["stdin"])), " --server "+h.URL, "", 1))
		}
		fmt.Fprintf(&out, "\ndeeds:\n%s\n", strings.Join(h.backend.Deeds(), "\n"))
		return strings.NewReplacer(h.URL, "https://fixpoint.example", home, "~").Replace(out.String())
	})
}
