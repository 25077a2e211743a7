package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	utilversion "k8s.io/apimachinery/pkg/util/version"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Workbench renders and fetches without a cluster.
type Workbench interface {
	// Render makes objects of files. What in.Host is asked for beyond the trees is
	// the workbench's to answer: in.Host is ignored.
	Render(context.Context, model.RenderInput) (model.Rendered, error)
	// Fetch gets the content of a source.
	Fetch(context.Context, model.Source) (*model.Snapshot, error)
	// Base is the commit that a work tree's branch has in common with a branch, tag
	// or commit of the same repository: what the work tree's changes are relative
	// to. Where there is none, it is that commit itself.
	Base(ctx context.Context, worktree, revision string) (*model.Snapshot, error)
	// Close removes what was fetched.
	Close() error
}

// WorkbenchFlags say what a Workbench may do.
type WorkbenchFlags struct {
	Mirrors []Mirror
	// AllowRemote are URLs that may be used; see package remote.
	AllowRemote []string
	// AllowLocal permits repositories that are paths of this machine.
	AllowLocal bool
	// KubeVersion and APIVersions are what charts see of the cluster; "" and none
	// are Helm's defaults.
	KubeVersion string
	APIVersions []string
	// Plugins is the folder of the config management plugins; "" is none.
	Plugins string
	// Vaults are the HashiCorp Vaults that a token for SOPS may be sent to.
	Vaults []string
}

func (w *WorkbenchFlags) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var((*mirrors)(&w.Mirrors), "mirror", "as for the controller: get repositories whose URL begins with PREFIX from BASE first; repeatable")
	bindRemote(cmd, &w.AllowRemote)
	f.BoolVar(&w.AllowLocal, "allow-local-repos", false, "permit repositories that are paths of this machine")
	f.Var((*kubeVersion)(&w.KubeVersion), "kube-version", "Kubernetes version that charts see (default: Helm's)")
	f.StringSliceVar(&w.APIVersions, "api-versions", nil, "API versions that charts see, beside the usual ones")
	f.StringVar(&w.Plugins, "plugins", "", "directory of Argo CD's config management plugins")
	bindVaults(cmd, &w.Vaults)
	_ = cmd.MarkFlagDirname("plugins")
}

// kubeVersion is a flag's value that is a version.
type kubeVersion string

func (v *kubeVersion) String() string { return string(*v) }
func (v *kubeVersion) Type() string   { return "string" }
func (v *kubeVersion) Set(text string) error {
	if _, err := utilversion.ParseGeneric(text); err != nil {
		return errors.New("it has to be a version, as 1.36 or 1.36.2")
	}
	*v = kubeVersion(text)
	return nil
}

// bindRemote adds the flag that says what renders may fetch.
func bindRemote(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringSliceVar(to, "allow-remote", nil,
		"what remote bases, chart dependencies and value files by URL may be fetched from: URLs up to any path, or none (default https://,ssh://,oci://)")
}

// bindVaults adds the flag that says which Vaults may see tokens.
func bindVaults(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringSliceVar(to, "sops-vault", nil,
		"address of a HashiCorp Vault that a key sops.vault-token may be sent to, as https://vault.example.com:8200; repeatable")
}
