package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func newCheck(deps Deps) *cobra.Command {
	var out format
	var root string
	var enableHelm bool
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Check a directory before it is pushed",
		Long: `Checks the files below a directory as the controller would read them:

  - Applications and Flux's objects: fields that are wrong, and fields that are not
    honoured;
  - what these apps render to, where their path is in this directory;
  - every chart, every directory with a kustomization file, every plain manifest.

Problems are printed as FILE:LINE: error: TEXT. Exits with 1 if there is an error;
warnings alone are fine. No cluster and no network is used.`,
		Example: "  fixpoint check .\n  fixpoint check . -o json",
		Args:    oneArg("the directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := placeOf(deps, args[0], root)
			if err != nil {
				return err
			}
			bench, err := deps.Workbench(WorkbenchFlags{AllowRemote: []string{"none"}})
			if err != nil {
				return err
			}
			defer func() { _ = bench.Close() }()
			c := newChecker(cmd.Context(), deps, bench, at, args[0])
			c.enableHelm = enableHelm
			if err := c.run(); err != nil {
				return err
			}
			return c.report(cmd.OutOrStdout(), cmd.ErrOrStderr(), out)
		},
		ValidArgsFunction: directories,
	}
	cmd.Flags().StringVar(&root, "root", "", "directory that files may be used from (default: the Git work tree)")
	cmd.Flags().BoolVar(&enableHelm, "enable-helm", false, "Kustomize: inflate helmCharts, as with kustomize.buildOptions of Argo CD")
	_ = cmd.MarkFlagDirname("root")
	out.bind(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// finding is something to tell about a file.
type finding struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Severity string `json:"severity"` // error, warning or note
	Text     string `json:"text"`
}

func (f finding) String() string {
	at := f.File
	if f.Line > 0 {
		at = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if at != "" {
		at += ": "
	}
	return at + f.Severity + ": " + f.Text
}

// checker goes through a directory.
type checker struct {
	ctx   context.Context
	deps  Deps
	bench Workbench
	top   place
	dir   string // as the user wrote it
	// enableHelm inflates helmCharts where an Application may have it so.
	enableHelm bool

	manifests []manifest
	findings  []finding
	seen      map[finding]bool
	objects   int
	// rendered are the directories that have been, on the disk.
	rendered map[string]bool
	// patches are the files, as they are printed, that kustomizations patch with.
	patches map[string]bool
	// folders are all directories, by their last element.
	folders map[string][]string
}

func newChecker(ctx context.Context, deps Deps, bench Workbench, at place, dir string) *checker {
	return &checker{
		ctx: ctx, deps: deps, bench: bench, top: at, dir: dir, rendered: map[string]bool{},
		patches: map[string]bool{}, folders: map[string][]string{}, seen: map[finding]bool{},
	}
}

func (c *checker) add(f finding) {
	f.Text = strings.TrimSpace(f.Text)
	if !c.seen[f] {
		c.seen[f] = true
		c.findings = append(c.findings, f)
	}
}

// run checks the apps that are declared, and then what no app has covered.
func (c *checker) run() error {
	dirs, err := c.scan()
	if err != nil {
		return err
	}
	c.declarations()
	for _, d := range dirs {
		if !c.rendered[onDisk(c.top, d.path)] {
			spec := model.Render{Path: d.path, Tool: d.tool}
			c.render(c.top, model.RenderInput{Render: spec, Tree: c.top.tree}, nil, "")
		}
	}
	return c.ctx.Err()
}

// render renders one directory and notes what is wrong with it. app is the
// manifest that asks for it, if one does, and dialect that of the app.
func (c *checker) render(at place, in model.RenderInput, app *manifest, dialect string) {
	c.rendered[onDisk(at, in.Path)] = true
	if app == nil || app.GetKind() == application.name {
		in.Kustomize.EnableHelm = in.Kustomize.EnableHelm || c.enableHelm
	}
	rendered, err := c.bench.Render(c.ctx, in)
	if errors.Is(err, model.ErrDenied) {
		c.add(c.locate(at, fmt.Sprintf("%s needs what is not here, and is not checked: %v", in.Path, err), "note", app))
		return
	}
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			c.add(c.locate(at, line, "error", app))
		}
		return
	}
	objects, warnings := c.deps.Admit(dialect, rendered.Objects)
	c.objects += len(objects)
	for _, w := range rendered.Warnings {
		if app == nil && isIdle(w) {
			continue
		}
		c.add(c.locate(at, w, "warning", app))
	}
	for _, w := range warnings {
		c.add(c.locate(at, w.Message, "warning", app))
	}
}

// onDisk is a directory of a tree.
func onDisk(at place, dir string) string {
	return filepath.Join(at.top, filepath.FromSlash(dir))
}

// isIdle reports whether a warning is about files that are no manifests: where
// no app asks for a directory, they are none of ours.
func isIdle(warning string) bool {
	return strings.HasSuffix(warning, "skipped") || strings.HasPrefix(warning, "no manifests in ")
}

// errFound ends a check that found errors; they have been printed.
func errFound(n int) error {
	return fmt.Errorf("%s found: correct what is listed above", plural(n, "problem"))
}

func (c *checker) report(w, notes io.Writer, out format) error {
	errs, warnings := 0, 0
	for _, f := range c.findings {
		switch f.Severity {
		case "error":
			errs++
		case "warning":
			warnings++
		}
	}
	var failed error
	if errs > 0 {
		failed = errFound(errs)
	}
	if out != formatTable {
		list := c.findings
		if list == nil {
			list = []finding{}
		}
		return errors.Join(out.data(w, map[string]any{"objects": c.objects, "errors": errs, "warnings": warnings, "findings": list}), failed)
	}
	for _, f := range c.findings {
		to := w
		if f.Severity == "note" {
			to = notes
		}
		printf(to, "%s\n", f)
	}
	if failed == nil {
		printf(w, "ok: %s, %s\n", plural(c.objects, "object"), plural(warnings, "warning"))
	}
	return failed
}
