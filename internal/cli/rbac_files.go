package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// rbacSource says where a policy is.
type rbacSource struct {
	conn        Connection
	file        string
	namespace   string
	defaultRole string
}

func (s *rbacSource) bind(cmd *cobra.Command) {
	s.conn.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&s.file, "policy-file", "", "read the policy from this file, not from the cluster: lines of CSV, or manifests of argocd-rbac-cm, argocd-cm and AppProjects; - is standard input")
	f.StringVarP(&s.namespace, "namespace", "n", "argocd", "namespace of argocd-rbac-cm in the cluster")
	f.StringVar(&s.defaultRole, "default-role", "", "role that everybody has (default: policy.default of argocd-rbac-cm)")
	_ = cmd.MarkFlagFilename("policy-file")
}

// read reads the policy.
func (s *rbacSource) read(cmd *cobra.Command, deps Deps) (Rbac, error) {
	var policy RbacPolicy
	var err error
	if s.file != "" {
		policy, err = policyOfFile(s.file, cmd.InOrStdin())
	} else {
		policy, err = s.policyOfCluster(cmd.Context())
	}
	if err != nil {
		return Rbac{}, err
	}
	if s.defaultRole != "" {
		policy.Rights["policy.default"] = s.defaultRole
	}
	return deps.Rbac(policy), nil
}

// policyOfFile reads a file of lines, or of manifests.
func policyOfFile(file string, in io.Reader) (RbacPolicy, error) {
	data, err := readFile(file, in)
	if err != nil {
		return RbacPolicy{}, fmt.Errorf("%s: %w", "--policy-file", err)
	}
	policy := RbacPolicy{Rights: map[string]string{}, Main: map[string]string{}}
	if isCSV(string(data)) {
		policy.Rights["policy.csv"] = string(data)
		return policy, nil
	}
	found, err := manifestsIn(file, data)
	if err != nil {
		return policy, fmt.Errorf("%w: give lines of CSV, or manifests", err)
	}
	known := 0
	for _, m := range found {
		known += policy.add(m.Unstructured)
	}
	if known == 0 {
		return policy, fmt.Errorf("%s has neither lines of a policy nor ConfigMap argocd-rbac-cm nor an AppProject: give another --policy-file", file)
	}
	return policy, nil
}

// isCSV reports whether a text is lines of a policy: whether the first that says
// something begins so, or nothing does.
func isCSV(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		first, _, comma := strings.Cut(line, ",")
		return comma && !strings.Contains(first, ":")
	}
	return true
}

// add takes what an object says; it is how many objects that was.
func (p *RbacPolicy) add(u *unstructured.Unstructured) int {
	data, _, _ := unstructured.NestedStringMap(u.Object, "data")
	if data == nil {
		data = map[string]string{}
	}
	switch {
	case u.GetKind() == "ConfigMap" && u.GetName() == "argocd-rbac-cm":
		p.Rights = data
	case u.GetKind() == "ConfigMap" && u.GetName() == "argocd-cm":
		p.Main = data
	case u.GetKind() == "AppProject":
		p.Projects = append(p.Projects, rbacProject(u))
	default:
		return 0
	}
	return 1
}

func rbacProject(u *unstructured.Unstructured) RbacProject {
	p := RbacProject{Name: u.GetName()}
	roles, _, _ := unstructured.NestedSlice(u.Object, "spec", "roles")
	for _, one := range roles {
		role, ok := one.(map[string]any)
		if !ok {
			continue
		}
		name, _, _ := unstructured.NestedString(role, "name")
		policies, _, _ := unstructured.NestedStringSlice(role, "policies")
		groups, _, _ := unstructured.NestedStringSlice(role, "groups")
		p.Roles = append(p.Roles, RbacRole{Name: name, Policies: policies, Groups: groups})
	}
	return p
}

// policyOfCluster reads what the controller reads.
func (s *rbacSource) policyOfCluster(ctx context.Context) (RbacPolicy, error) {
	policy := RbacPolicy{Rights: map[string]string{}, Main: map[string]string{}}
	c, err := s.conn.open()
	if err != nil {
		return policy, err
	}
	const doing = "reading the policy"
	for _, name := range []string{"argocd-rbac-cm", "argocd-cm"} {
		cm, err := c.core("configmaps", s.namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue // its defaults hold
		}
		if err != nil {
			return policy, c.explain(doing, err)
		}
		policy.add(cm)
	}
	projects, err := c.projects(ctx, s.namespace)
	if err != nil {
		return policy, c.explain(doing, err)
	}
	for i := range projects {
		policy.add(&projects[i])
	}
	return policy, nil
}
