package argoapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/fixpoint-cd/fixpoint/internal/argoapi"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata")

// config is that of the tests: it never waits for long.
func config() argoapi.Config {
	return argoapi.Config{
		Version: "v1.2.3", URL: func() string { return "https://fixpoint.example" }, Ways: func() (bool, string) { return true, "Example SSO" },
		Patience: time.Millisecond, Pause: time.Millisecond, Heartbeat: time.Hour,
	}
}

// world is the sample with its API, for one reader.
type world struct {
	*viewtest.Backend
	api     http.Handler
	options viewtest.Options
	nobody  bool // is signed in
}

func newWorld() *world { return &world{Backend: viewtest.New(), api: argoapi.New(config())} }

// serve answers a request of the reader.
func (w *world) serve(to http.ResponseWriter, r *http.Request) {
	if !w.nobody {
		r = r.WithContext(view.WithDesk(r.Context(), viewtest.Desk(w, w.options)))
	}
	w.api.ServeHTTP(to, r)
}

// ask is the answer to a request.
func (w *world) ask(method, address, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	out := httptest.NewRecorder()
	w.serve(out, r)
	return out
}

// TestAnswers: each file has requests ("-- METHOD /address --", with the body as its
// content) that are made one after the other, each followed by its answer ("-- 200 --").
// A reader that is not admin is named by "as: nobody" or "as: limited" before the first.
func TestAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { testAnswers(t, file) })
	}
}

func testAnswers(t *testing.T, file string) {
	given, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	switch comment := string(given.Comment); {
	case strings.Contains(comment, "as: nobody"):
		w.nobody = true
	case strings.Contains(comment, "as: limited"):
		w.options = limited
	}
	now := &txtar.Archive{Comment: given.Comment}
	for _, f := range given.Files {
		method, address, isRequest := strings.Cut(f.Name, " ")
		if !isRequest {
			continue
		}
		answer := w.ask(method, address, string(bytes.TrimSpace(f.Data)))
		now.Files = append(now.Files, f, txtar.File{Name: fmt.Sprint(answer.Code), Data: indented(t, answer.Body.Bytes())})
	}
	if deeds := w.Deeds(); len(deeds) > 0 {
		now.Files = append(now.Files, txtar.File{Name: "deeds", Data: []byte(strings.Join(deeds, "\n") + "\n")})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(now), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(txtar.Format(given)), string(txtar.Format(now))); diff != "" {
		t.Errorf("answers differ (-want +got); -update rewrites them:\n%s", diff)
	}
}

// limited sees the project shop, and may do nothing there.
var limited = viewtest.Options{
	Who:    view.Who{Name: "proj:shop:viewer"},
	May:    func(v view.Verb, a view.App) bool { return a.Project == "shop" && v == view.VerbGet },
	Hidden: true,
}

// indented is JSON for people, of each line where there are several.
func indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for d := json.NewDecoder(bytes.NewReader(raw)); d.More(); {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Fatalf("no JSON: %v\n%s", err, raw)
		}
		if err := json.Indent(&out, v, "", "  "); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}
