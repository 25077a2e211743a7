package cli

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// auditFlags are the flags of audit export.
type auditFlags struct {
	to                           reach
	who, action, object, outcome string
	since, until                 string
	form                         string
}

func newAudit(deps Deps) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "audit",
		Short:   "Export and verify the audit trail",
		Long:    `The audit trail says who did or saw what, when, from where. Who may read it may "get" the resource "audit".`,
		Example: "  fixpoint audit export --since 24h\n  fixpoint audit verify",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditExport(deps), newAuditVerify(deps))
	return cmd
}

func newAuditExport(deps Deps) *cobra.Command {
	flags := auditFlags{to: reach{deps: deps}, form: "jsonl"}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit trail to standard output, newest first",
		Long: `Writes a JSON object per line, or CSV with a line of headings. It fails, with an exit
code of 1, unless it is all of what was asked for.`,
		Example: `  fixpoint audit export > audit.jsonl
  fixpoint audit export --format csv --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z
  fixpoint audit export --outcome denied --since 24h`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.export(cmd) },
	}
	flags.to.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.who, "who", "", "only what this subject did, such as admin")
	f.StringVar(&flags.action, "action", "", "only this, such as sync or login")
	f.StringVar(&flags.object, "object", "", "only on this object, as access rules name it")
	outcomes := []string{"allowed", "denied", "failed"}
	f.Var(&choice{&flags.outcome, outcomes}, "outcome", "only what was allowed, denied, or failed")
	f.StringVar(&flags.since, "since", "", "not older than that: a duration such as 24h, or a time as RFC 3339")
	f.StringVar(&flags.until, "until", "", "older than that, likewise")
	f.Var(&choice{&flags.form, []string{"jsonl", "csv"}}, "format", "jsonl or csv")
	complete(cmd, "outcome", outcomes...)
	complete(cmd, "format", "jsonl", "csv")
	return cmd
}

func (f *auditFlags) export(cmd *cobra.Command) error {
	q := url.Values{}
	now := f.to.deps.now()
	for param, text := range map[string]string{"from": f.since, "to": f.until} {
		at, err := moment(text, now)
		if err != nil {
			return usagef(cmd, "--since or --until %q: %w", text, err)
		}
		if !at.IsZero() {
			q.Set(param, at.UTC().Format(time.RFC3339))
		}
	}
	for param, text := range map[string]string{"who": f.who, "action": f.action, "object": f.object, "outcome": f.outcome, "format": f.form} {
		if text != "" {
			q.Set(param, text)
		}
	}
	s, err := f.to.server("the audit trail")
	if err != nil {
		return err
	}
	return s.ExportAudit(cmd.Context(), q, cmd.OutOrStdout())
}
