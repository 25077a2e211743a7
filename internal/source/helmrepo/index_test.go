package helmrepo

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestScan(t *testing.T) {
	const helm = `apiVersion: v1
entries:
  alpine:
  - created: "2026-01-01T00:00:00Z"
    description: |
      web:
      - version: 9.9.9
    name: alpine
    urls:
    - https://example.com/alpine-0.1.0.tgz
    version: 0.1.0
  web:
  - annotations:
      a: "b"
    digest: abc
    description: "a text
      that goes on"
    urls: [web-1.0.0.tgz]
    version: 1.0.0
  - urls:
    - web-0.9.0.tgz
    version: 0.9.0
  - version: no-url
  - urls:
    - no-version
  - null
generated: "2026-01-01T00:00:00Z"
`
	two := []version{{Version: "1.0.0", Digest: "abc", URLs: []string{"web-1.0.0.tgz"}}, {Version: "0.9.0", URLs: []string{"web-0.9.0.tgz"}}}
	deeper := regexp.MustCompile(`(?m)^  ( *- |  )`).ReplaceAllString(helm, "    $1")
	tests := map[string]struct {
		index string
		want  []version
		err   string // of the chart
		fatal string
	}{
		"as helm writes it":   {index: helm, want: two},
		"with line ends":      {index: strings.ReplaceAll(helm, "\n", "\r\n"), want: two},
		"with a mark before":  {index: "\xef\xbb\xbf---\n# an index\n" + helm, want: two},
		"lists indented":      {index: deeper, want: two},
		"quoted":              {index: strings.Replace(helm, "  web:\n", "  \"web\": # ours\n", 1), want: two},
		"single quotes":       {index: strings.Replace(helm, "  web:\n", "  'web':\n", 1), want: two},
		"comments and blanks": {index: strings.Replace(helm, "    digest: abc\n", "\n# a comment\n    # another\n    digest: abc\n", 1), want: two},
		"no end of line":      {index: strings.TrimSuffix(helm, "generated: \"2026-01-01T00:00:00Z\"\n"), want: two},
		"entries last":        {index: "apiVersion: v1\ngenerated: x\n" + strings.TrimPrefix(helm, "apiVersion: v1\n"), want: two},
		"a list at the top":   {index: helm + "publicKeys:\n- a\n- b\n", want: two},
		"a long line":         {index: strings.Replace(helm, "a text", strings.Repeat("x", 200<<10), 1), want: two},
		"a long line beside":  {index: strings.Replace(helm, "name: alpine", "name: "+strings.Repeat("x", 200<<10), 1), want: two},
		"a number":            {index: "apiVersion: v1\nentries:\n  web:\n  - version: 1.5\n    urls: [a]\n", want: []version{{Version: "1.5", URLs: []string{"a"}}}},
		"no charts":           {index: "apiVersion: v1\nentries: {}\n"},
		"no versions":         {index: "apiVersion: v1\nentries:\n  web: []\n"},
		"json": {
			index: `{"serverInfo":{"a":[[{}]]},"entries":{"x":[{"version":"1","urls":["u"]}],"web":[{"version":"1.0.0","digest":"abc","urls":["web-1.0.0.tgz"],"annotations":{"a":"b"}},null,{"version":"0.9.0","urls":["web-0.9.0.tgz"]}]},"apiVersion":"v1"}`,
			want:  two,
		},

		"broken version":   {index: "apiVersion: v1\nentries:\n  web:\n  - version: [\n  x:\n  - a\n", err: "can't be read"},
		"alias bomb":       {index: "apiVersion: v1\nentries:\n  web:\n  - a: &a [x,x,x,x,x,x,x,x,x]\n" + bomb() + "    version: 1\n", err: "can't be read"},
		"huge version":     {index: strings.Replace(helm, "a text", strings.Repeat("x", maxEntry), 1), err: "more than"},
		"versions inline":  {index: "apiVersion: v1\nentries:\n  web: [{version: 1}]\n", err: "lines of their own"},
		"json, other type": {index: `{"apiVersion":"v1","entries":{"web":[{"version":1}]}}`, err: "can't be read"},

		"no index":          {index: "kind: ConfigMap\n", fatal: "no apiVersion"},
		"a page":            {index: "<!DOCTYPE html>\n<html>", fatal: "no field of an index"},
		"nothing":           {index: "", fatal: "no apiVersion"},
		"entries inline":    {index: "apiVersion: v1\nentries: {web: []}\n", fatal: "lines of their own"},
		"keys out of line":  {index: "apiVersion: v1\nentries:\n    web:\n    - a\n  x:\n", fatal: "not the name of a chart"},
		"json, no index":    {index: `{"a":1}`, fatal: "no apiVersion"},
		"json, cut off":     {index: `{"apiVersion":"v1","entries":{"web":[`, fatal: "can't be read"},
		"json, no object":   {index: `{"apiVersion":"v1","entries":[]}`, fatal: "no index"},
		"json, nested deep": {index: `{"apiVersion":"v1","x":` + strings.Repeat("[", 1<<20), fatal: "deeper than"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := scan(strings.NewReader(tt.index), map[string]bool{"web": true})
			if tt.fatal != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fatal) {
					t.Fatalf("got %v, want %q", err, tt.fatal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			web := got["web"]
			if web == nil {
				web = &listing{}
			}
			if tt.err != "" {
				if web.err == nil || !strings.Contains(web.err.Error(), tt.err) {
					t.Fatalf("got %v, want %q", web.err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, web.versions, cmpopts.EquateEmpty()); diff != "" || web.err != nil || len(got) > 1 {
				t.Errorf("%v (-want +got)\n%s", web.err, diff)
			}
		})
	}
}

// bomb is a billion strings by aliases.
func bomb() string {
	var b strings.Builder
	for c := 'b'; c < 'l'; c++ {
		fmt.Fprintf(&b, "    %c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	return b.String()
}

// large writes an index of about size bytes.
func large(t *testing.T, size int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "index.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	w := bufio.NewWriter(f)
	add := func(name string, versions int) {
		fmt.Fprintf(w, "  %s:\n", name)
		for i := range versions {
			fmt.Fprintf(w, "  - annotations:\n      text: |\n        %s\n    name: %s\n    urls:\n    - https://example.com/%s-1.%d.0.tgz\n    version: 1.%d.0\n",
				strings.Repeat("some words ", 100), name, name, i, i)
		}
	}
	fmt.Fprint(w, "apiVersion: v1\nentries:\n")
	for i := range size / 25_000 {
		add(fmt.Sprintf("chart-%04d", i), 20)
	}
	add("web", 1)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestLargeIndexMemory: an index of 50 MB is read with little memory. What is
// counted is all that was allocated, whether it was freed or not.
func TestLargeIndexMemory(t *testing.T) {
	f := large(t, 50<<20)
	st, err := f.Stat()
	if err != nil || st.Size() < 49<<20 {
		t.Fatalf("%v, %v", st.Size(), err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := scan(io.NewSectionReader(f, 0, st.Size()), map[string]bool{"web": true, "chart-0000": true})
	runtime.ReadMemStats(&after)
	if err != nil || len(got["web"].versions) != 1 || len(got["chart-0000"].versions) != 20 {
		t.Fatalf("%v, %v", got, err)
	}
	used := after.TotalAlloc - before.TotalAlloc
	t.Logf("reading %d MiB allocated %d KiB", st.Size()>>20, used>>10)
	if used > 8<<20 {
		t.Errorf("reading %d MiB allocated %d KiB", st.Size()>>20, used>>10)
	}
}

func FuzzScan(f *testing.F) {
	f.Add("apiVersion: v1\nentries:\n  web:\n  - version: 1\n    urls: [a]\n")
	f.Add(`{"apiVersion":"v1","entries":{"web":[{"version":"1","urls":["a"]}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := scan(strings.NewReader(text), map[string]bool{"web": true})
		if err != nil {
			return
		}
		for name, l := range got {
			if name != "web" {
				t.Fatalf("the chart %q", name)
			}
			for _, v := range l.versions {
				if v.Version == "" || len(v.URLs) == 0 {
					t.Fatalf("the version %+v", v)
				}
			}
		}
	})
}
