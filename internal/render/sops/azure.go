package sops

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/url"
	"regexp"
	"unicode/utf16"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"sigs.k8s.io/yaml"
)

var (
	azureName  = regexp.MustCompile(`^[A-Za-z0-9-]*$`)
	azureVault = below("vault.azure.net", "managedhsm.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net")
	azureLogin = below("login.microsoftonline.com", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn",
		"login.microsoftonline.us")
)

// azureFile are the credentials of a service principal, in Azure's words or in
// those that its command line prints.
type azureFile struct {
	Tenant      string `json:"tenantId"`
	Client      string `json:"clientId"`
	Secret      string `json:"clientSecret"`
	Certificate string `json:"clientCertificate"`
	Password    string `json:"clientCertificatePassword"`
	SendChain   bool   `json:"clientCertificateSendChain"`
	Authority   string `json:"authorityHost"`

	PrintedTenant   string `json:"tenant"`
	PrintedClient   string `json:"appId"`
	PrintedPassword string `json:"password"`
}

// readAzure reads a service principal's secret or certificate.
func (k *Keys) readAzure(data []byte) (err error) {
	var f azureFile
	if yaml.Unmarshal(utf8Of(data), &f) != nil {
		return errMalformed
	}
	if f.Tenant == "" {
		f.Tenant, f.Client, f.Secret = f.PrintedTenant, f.PrintedClient+f.Client, f.PrintedPassword
	}
	if f.Tenant == "" || f.Client == "" || f.Secret == "" && f.Certificate == "" {
		return errors.New("it has to have tenantId, clientId and clientSecret or clientCertificate; " +
			"the identity of the machine is not used")
	}
	o, err := k.azureOptions(f.Authority)
	if err != nil {
		return err
	}
	k.azure, err = f.credential(o)
	if err != nil {
		return errMalformed
	}
	return nil
}

func (k *Keys) azureOptions(authority string) (o policy.ClientOptions, err error) {
	client, _ := k.guarded(azureLogin)
	o.Transport = client
	o.Cloud = cloud.AzurePublic
	if authority != "" {
		at, err := url.Parse(authority)
		if err != nil || at.Scheme != "https" || !azureLogin(at.Host) {
			return o, errors.New("its authorityHost is not Azure's")
		}
		o.Cloud.ActiveDirectoryAuthorityHost = authority
	}
	return o, nil
}

func (f azureFile) credential(o policy.ClientOptions) (azcore.TokenCredential, error) {
	if f.Secret != "" {
		return azidentity.NewClientSecretCredential(f.Tenant, f.Client, f.Secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: true})
	}
	certificates, key, err := azidentity.ParseCertificates([]byte(f.Certificate), []byte(f.Password))
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientCertificateCredential(f.Tenant, f.Client, certificates, key,
		&azidentity.ClientCertificateCredentialOptions{
			ClientOptions: o, SendCertificateChain: f.SendChain, DisableInstanceDiscovery: true,
		})
}

// utf8Of turns what PowerShell writes into UTF-8.
func utf8Of(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(data, []byte("\ufeff"))
	}
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

func (k *Keys) unwrapAzure(ctx context.Context, m masterKey) ([]byte, error) {
	if k.azure == nil {
		return nil, missing(entryAzure)
	}
	at, err := url.Parse(m.VaultURL)
	if err != nil || at.Scheme != "https" || !azureVault(at.Host) || !azureName.MatchString(m.Name) || !azureName.MatchString(m.Version) {
		return nil, denied("it is no key of an Azure Key Vault")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(m.Enc)
	if err != nil {
		return nil, denied("its encrypted data key is malformed")
	}
	client, g := k.guarded(func(host string) bool { return host == at.Host })
	vault, err := azkeys.NewClient("https://"+at.Host, k.azure, &azkeys.ClientOptions{
		ClientOptions: policy.ClientOptions{Transport: client},
	})
	if err != nil {
		return nil, denied("it is no key of an Azure Key Vault")
	}
	algorithm := azkeys.EncryptionAlgorithmRSAOAEP256
	answer, err := vault.Decrypt(ctx, m.Name, m.Version, azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: sealed}, nil)
	if err != nil {
		return nil, g.outcome(ctx, "Azure Key Vault", err)
	}
	return answer.Result, nil
}
