//! Pseudonyms in the facts around the findings: dossiers, servers, outages, what was given away.

use crate::event::Name;
use crate::finding::health::Fault;
use crate::finding::{Dossier, Learned, Others, Outage, Report, ServerHealth};

use super::{Hider, is_watched};

impl Hider {
    pub(super) fn facts(&self, report: &mut Report) {
        for dossier in &mut report.dossiers {
            self.dossier(dossier);
        }
        for server in &mut report.servers {
            self.server(server);
        }
        for outage in &mut report.outages {
            self.outage(outage);
        }
        for site in &mut report.privacy.sites {
            site.site = self.site_text(&site.site);
        }
    }

    fn dossier(&self, dossier: &mut Dossier) {
        if !self.redaction.sites {
            return;
        }
        // Names, serial and DER of the site.
        dossier.certificate = None;
        match &mut dossier.learned {
            Learned::Lookup { name, .. } | Learned::OtherDevice { name, .. } => self.name(name),
            Learned::Proxy | Learned::Never | Learned::NotShown => {}
        }
        self.others(&mut dossier.same_certificate);
        self.others(&mut dossier.same_address);
    }

    fn others(&self, others: &mut Others) {
        for name in &mut others.names {
            *name = self.redaction.name(name);
        }
    }

    fn server(&self, server: &mut ServerHealth) {
        server.site = self.text(&self.site_text(&server.site));
        self.end(&mut server.server);
        if self.redaction.sites {
            for problem in &mut server.problems {
                // A private CA's names are as telling as the site's.
                if let Fault::MissingIntermediate { url, .. } = &mut problem.what {
                    *url = None;
                }
            }
        }
    }

    fn outage(&self, outage: &mut Outage) {
        outage.resolvers.iter_mut().for_each(|ip| self.ip(ip));
        for label in &mut outage.device_labels {
            *label = self.label(label);
        }
        for staple in &mut outage.staples {
            staple.site = self.site_text(&staple.site);
            self.end(&mut staple.server);
        }
    }

    fn name(&self, name: &mut Name) {
        if !is_watched(name.as_str()) {
            *name = Name::new(&self.redaction.name(name.as_str()));
        }
    }
}
