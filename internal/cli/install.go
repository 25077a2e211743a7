package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/deploy"
	"github.com/fixpoint-cd/fixpoint/deploy/install"
)

// installFlags are the flags of install.
type installFlags struct {
	conn      Connection
	crdsOnly  bool
	export    bool
	forceCRDs bool
	image     string
	timeout   time.Duration
}

func newInstall(Deps) *cobra.Command {
	var flags installFlags
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the CRDs and the controller into a cluster",
		Long: `Applies the CRDs of both dialects, the namespaces argocd, flux-system and
fixpoint-system, the controller's rights, its Deployment and Service, by
server-side apply, and waits until the CRDs are established. It can be run again
at any time.

CRDs that somebody else has installed (Argo CD, Flux) are used as they are.`,
		Example: `  fixpoint install
  fixpoint install --crds-only
  fixpoint install --export > fixpoint.yaml
  fixpoint install --image registry.example.com/fixpoint:v1.2.3`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.export && flags.forceCRDs {
				return usagef(cmd, "--force-crds has no meaning with --export, which applies nothing")
			}
			if !imageName.MatchString(flags.image) {
				return usagef(cmd, "--image %q is no name of an image", flags.image)
			}
			if flags.export {
				return export(cmd.OutOrStdout(), flags)
			}
			return flags.run(cmd)
		},
	}
	flags.conn.bind(cmd)
	f := cmd.Flags()
	f.BoolVar(&flags.crdsOnly, "crds-only", false, "only the CRDs")
	f.BoolVar(&flags.export, "export", false, "print the manifests and apply nothing")
	f.BoolVar(&flags.forceCRDs, "force-crds", false, "replace CRDs that somebody else has installed")
	f.StringVar(&flags.image, "image", defaultImage(), "image of the controller; it needs the git command as well")
	f.DurationVar(&flags.timeout, "timeout", time.Minute, "how long to wait for the CRDs")
	return cmd
}

var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

func defaultImage() string {
	tag := thisBuild().Version
	if !regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9.]+)?$`).MatchString(tag) || strings.Contains(tag, "-0.") {
		tag = "latest"
	}
	return "fixpoint-cd/fixpoint:" + tag
}

// manifests are what flags ask for, as files of YAML documents.
func (flags installFlags) manifests() [][]byte {
	if flags.crdsOnly {
		return deploy.CRDs()
	}
	return append(deploy.CRDs(), install.Manifests(flags.image)...)
}

// export prints the manifests, each document after a "---".
func export(w io.Writer, flags installFlags) error {
	for _, file := range flags.manifests() {
		if !bytes.HasPrefix(file, []byte("---\n")) {
			file = append([]byte("---\n"), file...)
		}
		if _, err := w.Write(file); err != nil {
			return err
		}
	}
	return nil
}

func (flags installFlags) run(cmd *cobra.Command) error {
	objects, err := documents(flags.manifests())
	if err != nil {
		return err
	}
	c, err := flags.conn.open()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), flags.timeout, errors.New("timed out"))
	defer cancel()
	i := &installer{cluster: c, force: flags.forceCRDs, out: cmd.OutOrStdout()}
	var crds []*unstructured.Unstructured
	for _, o := range objects {
		if o.GetKind() == crdKind {
			crds = append(crds, o)
		}
		if err := i.apply(ctx, o); err != nil {
			return err
		}
	}
	for _, o := range crds {
		if err := i.established(ctx, o.GetName()); err != nil {
			return err
		}
	}
	printf(cmd.OutOrStdout(), "the CRDs are established\n")
	if !flags.crdsOnly {
		printf(cmd.ErrOrStderr(), "Next: kubectl -n fixpoint-system rollout status deployment/fixpoint\n")
	}
	return nil
}

// documents splits files of YAML into objects.
func documents(files [][]byte) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for _, file := range files {
		reader := utilyaml.NewYAMLReader(newLines(file))
		for {
			doc, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("reading the built-in manifests: %w", err)
			}
			var body map[string]any
			if err := yaml.Unmarshal(doc, &body); err != nil {
				return nil, fmt.Errorf("reading the built-in manifests: %w", err)
			}
			if len(body) > 0 {
				out = append(out, &unstructured.Unstructured{Object: body})
			}
		}
	}
	return out, nil
}
