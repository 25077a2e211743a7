package oracle

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/render"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"
)

// TestAsStock renders every case twice.
func TestAsStock(t *testing.T) {
	t.Parallel()
	for tool, least := range map[string]int{"kustomize": 30, "helm": 1} {
		cases, err := filepath.Glob("testdata/" + tool + "/*.txtar")
		if err != nil {
			t.Fatal(err)
		}
		if len(cases) < least {
			t.Errorf("%s has %d cases, want at least %d", tool, len(cases), least)
		}
		for _, name := range cases {
			t.Run(tool+"/"+strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
				t.Parallel()
				compare(t, name)
			})
		}
	}
}

func compare(t *testing.T, name string) {
	c := readCase(t, name)
	stock, stockErr := c.stock(t)
	out, err := render.New(render.Config{}).Render(t.Context(), c.input(t))
	if c.fails {
		if stockErr == "" {
			t.Errorf("the stock command does not fail:\n%s", stock)
		}
		if err == nil {
			t.Errorf("no error, want one like that of the stock command: %s", stockErr)
		}
		return
	}
	if stockErr != "" {
		t.Fatalf("the stock command fails: %s", stockErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range out.Objects {
		got = append(got, string(o.JSON))
	}
	want := objectsOf(t, stock)
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 && !strings.HasPrefix(filepath.Base(name), "empty") {
		t.Error("the stock command prints no object")
	}
	if !slices.Equal(want, got) {
		t.Errorf("-stock +rendered:\n%s", cmp.Diff(indented(want), indented(got)))
	}
}

// objectsOf are the objects that a command printed, lists taken apart, as
// canonical JSON.
func objectsOf(t *testing.T, printed []byte) (objects []string) {
	t.Helper()
	for _, doc := range manifest.Split(printed) {
		text, err := yaml.YAMLToJSON(doc.Text)
		if err != nil {
			t.Fatal(err)
		}
		var list struct {
			Kind  string
			Items []json.RawMessage
		}
		if json.Unmarshal(text, &list) == nil && strings.HasSuffix(list.Kind, "List") && list.Items != nil {
			for _, item := range list.Items {
				objects = append(objects, string(item))
			}
			continue
		}
		if string(text) != "null" {
			objects = append(objects, string(text))
		}
	}
	return objects
}

func indented(objects []string) (lines []string) {
	for _, o := range objects {
		var text bytes.Buffer
		if json.Indent(&text, []byte(o), "", "  ") != nil {
			return objects
		}
		lines = append(lines, strings.Split(text.String(), "\n")...)
	}
	return lines
}

// oracleCase is a case on disk.
type oracleCase struct {
	dir string
	// commands are run in order; the last one's output counts.
	commands [][]string
	fails    bool
	render   []byte
	world    world
}

func readCase(t *testing.T, name string) oracleCase {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := oracleCase{dir: t.TempDir()}
	for _, f := range archive.Files {
		switch f.Name {
		case "cmd":
			for line := range strings.Lines(string(f.Data)) {
				if args := strings.Fields(line); len(args) > 0 {
					c.commands = append(c.commands, args)
				}
			}
		case "render.yaml":
			c.render = f.Data
		case "world.yaml":
			if err := yaml.UnmarshalStrict(f.Data, &c.world); err != nil {
				t.Fatal(err)
			}
		default:
			c.write(t, f)
		}
	}
	if len(c.commands) == 0 || c.render == nil {
		t.Fatal("a case needs the parts cmd and render.yaml")
	}
	if last := len(c.commands) - 1; c.commands[last][0] == "!" {
		c.commands[last], c.fails = c.commands[last][1:], true
	}
	return c
}

func (c oracleCase) write(t *testing.T, f txtar.File) {
	t.Helper()
	name, to, isLink := strings.Cut(f.Name, " -> ")
	at := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if isLink {
		err = os.Symlink(to, at)
	} else {
		err = os.WriteFile(at, f.Data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stock runs the stock commands in the case's directory. Kustomize gets the
// stock helm.
func (c oracleCase) stock(t *testing.T) (printed []byte, problem string) {
	t.Helper()
	home := t.TempDir()
	for _, args := range c.commands {
		if args[0] == "kustomize" && slices.Contains(args, "--enable-helm") {
			args = append(slices.Clone(args), "--helm-command", stockCommand(t, "helm"))
		}
		cmd := exec.CommandContext(t.Context(), stockCommand(t, args[0]), args[1:]...)
		cmd.Dir = c.dir
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + home}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return stdout.Bytes(), err.Error() + "\n" + stderr.String()
		}
		printed = stdout.Bytes()
	}
	return printed, ""
}
