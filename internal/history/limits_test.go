package history

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestKill: after kill -9 at any point, entries are whole, and nothing is left of
// what was not finished.
func TestKill(t *testing.T) { onBoth(t, testKill) }

func testKill(t *testing.T, at Config) {
	for round := range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerVar+"="+at.Path+at.URL)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Some writes later, somewhere in the middle of the next.
		lines := bufio.NewScanner(out)
		for range 2 + round {
			if !lines.Scan() {
				t.Fatal("the writer ended")
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()

		s := open(t, at)
		checkWhole(t, s)
		entries, err := rows(s.raw(), scanID, `SELECT id FROM history_entry`)
		if err != nil || len(entries) < 2 {
			t.Fatalf("%d entries (%v)", len(entries), err)
		}
		for _, id := range entries {
			d, err := s.load(`id = $1`, id)
			if err != nil || len(d.Objects) != 120 {
				t.Errorf("round %d: entry %d has %d objects: %v", round, id, len(d.Objects), err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMaxRevision: what is too large is refused and nothing else is lost.
func TestMaxRevision(t *testing.T) { onBoth(t, testMaxRevision) }

func testMaxRevision(t *testing.T, at Config) {
	at.MaxRevision = 1 << 20
	s := open(t, at)
	keep(t, s, appOf(1), revisionOf(1, 10, 0), 2)
	err := s.Keep(appOf(1), revisionOf(2, 1000, 0), 2)
	if !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("error %v", err)
	}
	if d, err := s.Newest(appOf(1)); err != nil || len(d.Objects) != 10 {
		t.Errorf("what was kept before: %v", err)
	}
}

// TestMaxBytes: the oldest of all apps make room for the newest.
func TestMaxBytes(t *testing.T) { onBoth(t, testMaxBytes) }

func testMaxBytes(t *testing.T, at Config) {
	const limit = 400 << 10
	at.MaxBytes = limit
	s := open(t, at)
	for n := range 40 {
		keep(t, s, appOf(n), revisionOf(n, 100, 100), 5)
		if n > 0 && count(t, s, "history_entry") > n+1 {
			t.Fatal("more entries than were kept")
		}
	}
	checkWhole(t, s)
	used, err := bytesUsed(s.raw())
	if err != nil {
		t.Fatal(err)
	}
	if used > limit || used < limit/4 {
		t.Errorf("%d bytes are used of %d", used, limit)
	}
	if _, err := s.Newest(appOf(39)); err != nil {
		t.Errorf("the newest: %v", err)
	}
	if _, err := s.Newest(appOf(0)); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("the oldest: %v", err)
	}
	err = s.Keep(appOf(1), revisionOf(50, 2000, 2000), 5)
	if !errors.Is(err, model.ErrInvalid) {
		t.Errorf("one that is too large by itself: %v", err)
	}
	if _, err := s.Newest(appOf(39)); err != nil {
		t.Errorf("the newest, after one that was too large: %v", err)
	}
}

// TestSize: a revision costs what changed in it, not what is in it.
func TestSize(t *testing.T) { onBoth(t, testSize) }

func testSize(t *testing.T, at Config) {
	s := open(t, at)
	const objects = 1000
	stored := func(query string) (n int) {
		if err := s.raw().row([]any{&n}, query); err != nil {
			t.Fatal(err)
		}
		return n
	}
	bodies := `SELECT (SELECT SUM(LENGTH(body)) FROM history_object) + (SELECT SUM(LENGTH(body)) FROM history_entry) + 16 * (SELECT COUNT(*) FROM history_span)`
	keep(t, s, appOf(1), revisionOf(0, objects, 0), 20)
	plain := 0
	for _, o := range revisionOf(0, objects, 0).Objects {
		plain += len(o.JSON)
	}
	first := stored(bodies)
	keep(t, s, appOf(1), revisionOf(1, objects, 3), 20)
	second := stored(bodies) - first
	keep(t, s, appOf(1), revisionOf(2, objects, 0), 20)
	third := stored(bodies) - first - second
	t.Logf("of %d bytes of JSON %d are stored; of a revision with 3 other objects %d, of one with none %d", plain, first, second, third)
	if first*2 > plain {
		t.Errorf("%d bytes are stored of %d", first, plain)
	}
	if second*50 > first || third*100 > first {
		t.Errorf("later revisions take %d and %d bytes, the first %d", second, third, first)
	}
	if spans := count(t, s, "history_span"); spans > 3*(objects/maxSpan+3) {
		t.Errorf("%d spans", spans)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, err := KeyFile(path)
	if err != nil || made.IsZero() {
		t.Fatal(made, err)
	}
	if again, err := KeyFile(path); err != nil || again != made {
		t.Errorf("the second time it is another: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v (%v)", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if _, err := KeyFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("open to everybody: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("c2VjcmV0"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := KeyFile(bad); err == nil || strings.Contains(err.Error(), "c2Vj") {
		t.Errorf("a short key: %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestParseKey(t *testing.T) {
	want := Key([]byte("0123456789abcdef0123456789abcdef"))
	for name, text := range map[string]string{
		"bytes": string(want[:]), "hexadecimal": "3031323334353637383961626364656630313233343536373839616263646566\n",
		"base64": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
	} {
		if got, err := ParseKey([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseKey(nil); err == nil {
		t.Error("nothing is a key")
	}
}

func BenchmarkKeep(b *testing.B) {
	for name, changed := range map[string]int{"first": 1000, "3 of 1000 changed": 3} {
		b.Run(name, func(b *testing.B) {
			s := open(b, Config{})
			keep(b, s, appOf(1), revisionOf(0, 1000, 0), 10)
			var before, after int64
			query := `SELECT p.page_count * s.page_size FROM pragma_page_count AS p, pragma_page_size AS s`
			if err := s.raw().row([]any{&before}, query); err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				b.StopTimer()
				n++
				d := revisionOf(n, 1000, changed)
				b.StartTimer()
				keep(b, s, appOf(1), d, 1<<20)
			}
			if err := s.raw().row([]any{&after}, query); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(after-before)/float64(n), "bytes/revision")
		})
	}
}

func BenchmarkKept(b *testing.B) {
	s := open(b, Config{})
	keep(b, s, appOf(1), revisionOf(0, 1000, 0), 10)
	for b.Loop() {
		if _, err := s.Newest(appOf(1)); err != nil {
			b.Fatal(err)
		}
	}
}
