//! Sites, the links between them, and tenants: what is between a caller and its target because of their locations or
//! owners.
//!
//! A link and a tenant are one component each, with an entry for each target: so all calls share the bandwidth or the
//! quota, and each continues to its own target.

use super::Checker;
use super::path::Targets;
use super::trace::names_functions;
use crate::id::ComponentId;
use crate::path::ComponentSpec;
use crate::path::link::{LinkParameters, LinkSpec};
use crate::path::tenant::{TenantParameters, TenantSpec};
use crate::scenario::model::{Component, Destination, Site};
use crate::scenario::raw::{FileTable, SourceTable};
use crate::schema::decode::Spanned;
use crate::schema::diagnostic::{Problem, SourceSpan, instead};

/// The location of something, and the tenant whose quota its calls use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Index of its site; 0 without sites.
    site: usize,
    /// Index of the tenant.
    tenant: Option<usize>,
}

/// All sites, links and tenants of a file.
#[derive(Default)]
pub(super) struct Sites {
    names: Vec<String>,
    /// How many zones each has.
    zones: Vec<u32>,
    tenants: Vec<(String, ComponentId)>,
    links: Vec<(LinkParameters, ComponentId)>,
    /// Of each function of the file.
    functions: Vec<Place>,
}

/// A name in a table.
type Named = Spanned<Option<String>>;

impl Sites {
    /// Whether calls may pass something because of their location or tenant.
    pub(super) fn is_any(&self) -> bool {
        !self.names.is_empty() || !self.tenants.is_empty()
    }

    /// The index of a site.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The site and the zone that a text like "zone.eu.1" names, the zone from 0, and how many that site has.
    pub(super) fn zone(&self, text: &str) -> Option<(usize, u32, u32)> {
        let (site, zone) = text.strip_prefix("zone.")?.rsplit_once('.')?;
        let site = self.number(site)?;
        Some((site, zone.parse::<u32>().ok()?.checked_sub(1)?, self.zones[site]))
    }

    /// The names of the sites.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Site and tenant of a function.
    pub(super) fn of_function(&self, id: usize) -> Place {
        self.functions.get(id).copied().unwrap_or_default()
    }

    fn site(&self, name: &Named, checker: &mut Checker<'_, '_>) -> Option<usize> {
        let Some(wanted) = name.as_deref() else { return (!name.broken).then_some(0) };
        let number = self.number(wanted);
        if number.is_none() {
            let problem = Problem::error(name.place, format!("there is no site \"{wanted}\""));
            let help = match self.names[..] {
                [] => "add it with [[site]]".to_owned(),
                _ => instead(wanted, "the sites are", self.names()),
            };
            checker.problems.push(problem.help(help));
        }
        number
    }

    fn tenant(&self, name: &Named, checker: &mut Checker<'_, '_>) -> Option<Option<usize>> {
        let Some(wanted) = name.as_deref() else { return (!name.broken).then_some(None) };
        let number = self.tenants.iter().position(|(known, _)| known == wanted);
        if number.is_none() {
            let problem = Problem::error(name.place, format!("there is no tenant \"{wanted}\""));
            let help = match self.tenants[..] {
                [] => "add it with [[tenant]]".to_owned(),
                _ => instead(wanted, "the tenants are", self.tenants.iter().map(|(name, _)| name.as_str())),
            };
            checker.problems.push(problem.help(help));
        }
        number.map(Some)
    }
}

impl Place {
    /// The same location without a tenant.
    pub(super) const fn without_tenant(self) -> Self {
        Self { tenant: None, ..self }
    }
}

impl Targets {
    /// All sites, links and tenants of a file; problems are reported.
    pub(super) fn add_sites(&mut self, file: &FileTable, checker: &mut Checker<'_, '_>) {
        let sites = file.site.iter().filter_map(|site| Some(((*site.name).clone()?, *site.zones)));
        (self.sites.names, self.sites.zones) = sites.unzip();
        for table in file.tenant.iter() {
            let TenantParameters { name, .. } = &table.value;
            let spec = TenantSpec { parameters: table.value.clone(), targets: Vec::new() };
            let id = self.add_component(
                "tenant",
                name,
                ComponentSpec::Tenant(Box::new(spec)),
                table.place,
                Place::default(),
            );
            self.sites.tenants.push((name.clone(), id));
        }
        for table in file.link.iter() {
            let parameters = &table.value;
            for site in parameters.between.iter().filter(|site| self.sites.number(site).is_none()) {
                let problem =
                    Problem::error(table.place, format!("`link.{}`: there is no site \"{site}\"", parameters.name));
                let help = match self.sites.names[..] {
                    [] => "add it with [[site]]".to_owned(),
                    _ => instead(site, "the sites are", self.sites.names()),
                };
                checker.problems.push(problem.help(help));
            }
            if let [one, other] = &parameters.between[..]
                && let Some((known, _)) = self.sites.links.iter().find(|(link, _)| link.leads(one, other).is_some())
            {
                let message =
                    format!("`link.{}` and `link.{}` are between the same sites", known.name, parameters.name);
                checker.problems.push(Problem::error(table.place, message).help("keep one of them"));
            }
            let spec = LinkSpec { parameters: parameters.clone(), crossings: Vec::new() };
            let id = self.add_component(
                "link",
                &parameters.name,
                ComponentSpec::Link(Box::new(spec)),
                table.place,
                Place::default(),
            );
            self.sites.links.push((parameters.clone(), id));
        }
        let functions =
            file.function.iter().map(|table| self.place_of(&table.site, &table.tenant, checker).unwrap_or_default());
        self.sites.functions = functions.collect();
    }

    /// Site and tenant of something whose table names them.
    pub(super) fn place_of(&self, site: &Named, tenant: &Named, checker: &mut Checker<'_, '_>) -> Option<Place> {
        let (site, tenant) = (self.sites.site(site, checker), self.sites.tenant(tenant, checker));
        Some(Place { site: site?, tenant: tenant? })
    }

    /// Site of a component whose table names it in plain text.
    pub(super) fn place_of_component(
        &self,
        site: Option<&String>,
        at: SourceSpan,
        checker: &mut Checker<'_, '_>,
    ) -> Place {
        let site = Spanned { value: site.cloned(), place: at, broken: false };
        Place { site: self.sites.site(&site, checker).unwrap_or_default(), tenant: None }
    }

    /// Site of a function or a component.
    fn whereabouts(&self, of: Destination) -> Place {
        match of {
            Destination::Function(id) => self.sites.of_function(id.index()),
            Destination::Component(id) | Destination::Entry(id, _) => self.place(id),
        }
    }

    /// What a component calls instead of a target: the link to it, or the tenants whose quotas apply.
    pub(super) fn passing(
        &mut self,
        caller: ComponentId,
        to: Destination,
        checker: &mut Checker<'_, '_>,
    ) -> Option<Destination> {
        if !self.sites.is_any() {
            return Some(to);
        }
        let (from, at) = (self.place(caller), self.whereabouts(to));
        let own = if matches!(to, Destination::Function(_)) { at.tenant } else { None };
        let mut entry = to;
        for tenant in [own, from.tenant.filter(|tenant| own != Some(*tenant))].into_iter().flatten() {
            let (_, id) = self.sites.tenants[tenant];
            entry = Destination::Entry(id, self.enter(id, entry, false));
        }
        if from.site == at.site {
            return Some(entry);
        }
        let names = [from.site, at.site].map(|number| self.sites.names[number].clone());
        let link =
            self.sites.links.iter().find_map(|(link, id)| Some((link.clone(), *id, link.leads(&names[0], &names[1])?)));
        let Some((link, id, backwards)) = link else {
            let who = self.component_name(caller);
            let message = format!(
                "`{who}` calls from site \"{}\" to \"{}\", and there is no link between them",
                names[0], names[1]
            );
            let help = format!("add [[link]] with between = [\"{}\", \"{}\"]", names[0], names[1]);
            checker.problems.push(Problem::error(self.component_at(caller), message).help(help));
            return None;
        };
        if link.loss_ratio > 0.0 && !self.gives_up(caller) {
            let who = self.component_name(caller);
            let message =
                format!("`{who}` calls over `link.{}`, which loses calls, so it could wait forever", link.name);
            let help = "give the caller a timeout: `client.timeout` of a source or a step, `timeout` of a gateway";
            checker.problems.push(Problem::error(self.component_at(caller), message).help(help));
            return None;
        }
        Some(Destination::Entry(id, self.enter(id, entry, backwards)))
    }

    /// The entry of a link or a tenant for a target, added if needed.
    fn enter(&mut self, id: ComponentId, to: Destination, backwards: bool) -> u32 {
        let known = self.entries.entry(id).or_default();
        if let Some(entry) = known.iter().position(|one| *one == to) {
            return entry as u32;
        }
        known.push(to);
        let entry = known.len() as u32 - 1;
        let name = match to {
            Destination::Function(id) => format!("function number {}", id.0),
            Destination::Component(id) | Destination::Entry(id, _) => self.component_name(id),
        };
        match self.spec_mut(id) {
            ComponentSpec::Link(link) => link.crossings.push((name, backwards)),
            ComponentSpec::Tenant(tenant) => tenant.targets.push(name),
            _ => {}
        }
        entry
    }

    /// Whether a component stops waiting for its calls at some time.
    fn gives_up(&mut self, id: ComponentId) -> bool {
        match self.spec_mut(id) {
            ComponentSpec::Client(client) => client.parameters.gives_up(),
            ComponentSpec::Gateway(gateway) => gateway.settings().timeout.is_some(),
            _ => false,
        }
    }

    /// All sites with their functions and components; `functions`: how many there are.
    pub(super) fn all_sites(&self, functions: usize) -> Vec<Site> {
        let site = |(number, name): (usize, &str)| Site {
            name: name.to_owned(),
            zones: self.sites.zones[number],
            holds: self.all_at(number, functions),
        };
        self.sites.names().enumerate().map(site).collect()
    }

    /// The functions and components of a site, except links, tenants and clients, which are parts of others.
    pub(super) fn all_at(&self, site: usize, functions: usize) -> Vec<Destination> {
        let of_functions = (0..functions as u32).map(|id| Destination::Function(crate::id::FnId(id)));
        let of_components = self.components().filter(|(_, component)| {
            !matches!(component.spec, ComponentSpec::Link(_) | ComponentSpec::Tenant(_) | ComponentSpec::Client(_))
        });
        let all = of_functions.chain(of_components.map(|(id, _)| Destination::Component(id)));
        all.filter(|one| self.whereabouts(*one).site == site).collect()
    }
}

impl Checker<'_, '_> {
    /// A source whose trace names the functions calls them directly, so nothing can be between them.
    pub(super) fn trace_is_at_no_site(&mut self, table: &SourceTable, file: &FileTable) {
        let written = [&table.site, &table.tenant].into_iter().find(|name| name.is_some()).map(|name| name.place);
        let sized = table.payload.as_ref().map(|_| table.payload.place);
        let Some(place) = written.or(sized).or((!file.site.is_empty()).then_some(table.place)) else { return };
        if table.arrivals.as_ref().is_some_and(names_functions) {
            let name = table.name.as_deref().unwrap_or("?");
            let message =
                format!("`source.{name}` gets its functions from a trace, so sites, tenants and sizes do not apply");
            self.problems.push(Problem::error(place, message).help("write a source for each function, with `target`"));
        }
    }
}

/// The components, with the entries of links and tenants.
pub(super) fn with_entries(components: Vec<Component>, targets: &Targets) -> Vec<Component> {
    let with = |(place, mut component): (usize, Component)| {
        if let Some(entries) = targets.entries.get(&ComponentId(place as u32)) {
            component.targets.clone_from(entries);
        }
        component
    };
    components.into_iter().enumerate().map(with).collect()
}
