import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.parsers.DocumentBuilderFactory;
import org.agrona.DirectBuffer;
import org.agrona.ExpandableArrayBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * Encodes and decodes messages with Aeron's own generated codecs, driven by the schemas in Aeron's jar (the arguments).
 *
 * Commands, one a line:
 *   samples N    prints every message with values of variant N as `name hex text`, then END
 *   decode HEX   prints the message decoded and encoded again as `name hex text`, or `ERROR reason`
 *
 * The text is what Rust's derived Debug prints of the same struct, without Some(…).
 */
public class SbeCodecs
{
    private static final int FULL = 0;

    private final Map<String, String> primitives = new HashMap<>();
    private final Map<Integer, Element> messages = new TreeMap<>();
    private final String codecPackage;
    private final int schemaId;

    public static void main(final String[] args) throws Exception
    {
        final List<SbeCodecs> schemas = new ArrayList<>();
        for (final String resource : args)
        {
            schemas.add(new SbeCodecs(resource));
        }
        System.out.println("READY " + schemas.size() + " schemas");

        final BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine())
        {
            final String[] words = line.split(" ");
            if ("samples".equals(words[0]))
            {
                for (final SbeCodecs schema : schemas)
                {
                    schema.printSamples(Integer.parseInt(words[1]));
                }
                System.out.println("END");
            }
            else
            {
                System.out.println(decode(schemas, HexFormat.of().parseHex(words[1])));
            }
        }
    }

    private SbeCodecs(final String resource) throws Exception
    {
        try (InputStream in = ClassLoader.getSystemResourceAsStream(resource))
        {
            final Element schema = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(in).getDocumentElement();
            codecPackage = schema.getAttribute("package");
            schemaId = Integer.parseInt(schema.getAttribute("id"));
            for (final Element child : children(schema))
            {
                if ("sbe:message".equals(child.getTagName()))
                {
                    messages.put(Integer.parseInt(child.getAttribute("id")), child);
                }
                else
                {
                    for (final Element type : children(child))
                    {
                        primitives.put(
                            type.getAttribute("name"),
                            "enum".equals(type.getTagName()) ? "enum" : type.getAttribute("primitiveType"));
                    }
                }
            }
        }
    }

    private void printSamples(final int variant) throws Exception
    {
        for (final Element message : messages.values())
        {
            final Map<String, Object> values =
                sample(message, variant, Integer.parseInt(message.getAttribute("id")), new int[1]);
            System.out.println(print(message, values));
        }
    }

    private static String decode(final List<SbeCodecs> schemas, final byte[] bytes) throws Exception
    {
        final DirectBuffer buffer = new UnsafeBuffer(bytes);
        final int templateId = buffer.getShort(2, java.nio.ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
        final int id = buffer.getShort(4, java.nio.ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
        for (final SbeCodecs schema : schemas)
        {
            if (schema.schemaId == id)
            {
                try
                {
                    final Element message = schema.messages.get(templateId);
                    return schema.print(message, schema.decode(message, buffer));
                }
                catch (final InvocationTargetException ex)
                {
                    return "ERROR " + ex.getCause();
                }
            }
        }
        return "ERROR unknown schema " + id;
    }

    private Map<String, Object> sample(final Element parent, final int variant, final int base, final int[] count)
        throws Exception
    {
        final Map<String, Object> values = new LinkedHashMap<>();
        for (final Element field : children(parent))
        {
            final String name = field.getAttribute("name");
            final int n = count[0]++;
            final boolean full = variant == FULL;
            final Object value = switch (kind(field))
            {
                case "int64" -> full ? base * 1_000_000_007L + n : Long.MAX_VALUE - n;
                case "int32" -> full ? base * 1000 + n : -1 - n;
                case "int8" -> (byte)(full ? n + 1 : -1 - n);
                case "uint8" -> (short)(full ? n + 1 : 254 - n);
                case "enum" -> enumValue(field, full ? n : 1);
                case "ascii" -> full ? name : "";
                case "bytes" -> full ? new byte[]{(byte)n, 0, -1, (byte)base} : new byte[0];
                default ->
                {
                    final List<Map<String, Object>> entries = new ArrayList<>();
                    for (int i = 0; full && i < 2; i++)
                    {
                        entries.add(sample(field, variant, base, count));
                    }
                    yield entries;
                }
            };
            values.put(name, value);
        }
        return values;
    }

    private String print(final Element message, final Map<String, Object> values) throws Exception
    {
        final String name = capital(message.getAttribute("name"));
        final MutableDirectBuffer buffer = new ExpandableArrayBuffer();
        final Object header = codec("MessageHeaderEncoder");
        final Object encoder = codec(name + "Encoder");
        encoder.getClass()
            .getMethod("wrapAndApplyHeader", MutableDirectBuffer.class, int.class, header.getClass())
            .invoke(encoder, buffer, 0, header);
        encode(message, values, encoder);
        final byte[] bytes = new byte[(int)call(encoder, "limit")];
        buffer.getBytes(0, bytes);
        return name + " " + HexFormat.of().formatHex(bytes) + " " + text(name, values);
    }

    private void encode(final Element parent, final Map<String, Object> values, final Object encoder) throws Exception
    {
        for (final Element field : children(parent))
        {
            final String name = field.getAttribute("name");
            final Object value = values.get(name);
            final Class<?> type = encoder.getClass();
            switch (kind(field))
            {
                case "int64" -> type.getMethod(name, long.class).invoke(encoder, value);
                case "int32" -> type.getMethod(name, int.class).invoke(encoder, value);
                case "int8" -> type.getMethod(name, byte.class).invoke(encoder, value);
                case "uint8" -> type.getMethod(name, short.class).invoke(encoder, value);
                case "enum" -> type.getMethod(name, value.getClass()).invoke(encoder, value);
                case "ascii" -> type.getMethod(name, String.class).invoke(encoder, value);
                case "bytes" -> type.getMethod("put" + capital(name), byte[].class, int.class, int.class)
                    .invoke(encoder, value, 0, ((byte[])value).length);
                default ->
                {
                    final List<?> entries = (List<?>)value;
                    final Object group = type.getMethod(name + "Count", int.class).invoke(encoder, entries.size());
                    for (final Object entry : entries)
                    {
                        call(group, "next");
                        @SuppressWarnings("unchecked") final Map<String, Object> map = (Map<String, Object>)entry;
                        encode(field, map, group);
                    }
                }
            }
        }
    }

    private Map<String, Object> decode(final Element message, final DirectBuffer buffer) throws Exception
    {
        final Object header = codec("MessageHeaderDecoder");
        final Object decoder = codec(capital(message.getAttribute("name")) + "Decoder");
        decoder.getClass()
            .getMethod("wrapAndApplyHeader", DirectBuffer.class, int.class, header.getClass())
            .invoke(decoder, buffer, 0, header);
        return decodeFields(message, decoder);
    }

    private Map<String, Object> decodeFields(final Element parent, final Object decoder) throws Exception
    {
        final Map<String, Object> values = new LinkedHashMap<>();
        for (final Element field : children(parent))
        {
            final String name = field.getAttribute("name");
            if ("bytes".equals(kind(field)))
            {
                final byte[] bytes = new byte[(int)call(decoder, name + "Length")];
                decoder.getClass().getMethod("get" + capital(name), byte[].class, int.class, int.class)
                    .invoke(decoder, bytes, 0, bytes.length);
                values.put(name, bytes);
            }
            else if ("group".equals(kind(field)))
            {
                final List<Map<String, Object>> entries = new ArrayList<>();
                final Object group = call(decoder, name);
                while ((boolean)call(group, "hasNext"))
                {
                    group.getClass().getMethod("next").invoke(group);
                    entries.add(decodeFields(field, group));
                }
                values.put(name, entries);
            }
            else
            {
                values.put(name, call(decoder, name));
            }
        }
        return values;
    }

    private String kind(final Element field)
    {
        if ("group".equals(field.getTagName()))
        {
            return "group";
        }
        final String type = field.getAttribute("type");
        if ("data".equals(field.getTagName()))
        {
            return "varAsciiEncoding".equals(type) ? "ascii" : "bytes";
        }
        return primitives.getOrDefault(type, type);
    }

    private Object enumValue(final Element field, final int n) throws Exception
    {
        final Object[] constants = Class.forName(codecPackage + "." + field.getAttribute("type")).getEnumConstants();
        return constants[n % (constants.length - 1)]; // the last is NULL_VAL
    }

    private Object codec(final String name) throws Exception
    {
        return Class.forName(codecPackage + "." + name).getConstructor().newInstance();
    }

    private static Object call(final Object target, final String method) throws Exception
    {
        return target.getClass().getMethod(method).invoke(target);
    }

    private static String text(final String name, final Object value)
    {
        if (value instanceof Map<?, ?> fields)
        {
            final List<String> parts = new ArrayList<>();
            fields.forEach((field, it) -> parts.add(snake((String)field) + ": " + text("", it)));
            return parts.isEmpty() ? name : (name + " { " + String.join(", ", parts) + " }").trim();
        }
        if (value instanceof List<?> entries)
        {
            final List<String> parts = new ArrayList<>();
            entries.forEach((entry) -> parts.add(text("", entry)));
            return "[" + String.join(", ", parts) + "]";
        }
        if (value instanceof byte[] bytes)
        {
            final int[] unsigned = new int[bytes.length];
            for (int i = 0; i < bytes.length; i++)
            {
                unsigned[i] = bytes[i] & 0xFF;
            }
            return Arrays.toString(unsigned);
        }
        if (value instanceof String)
        {
            return '"' + (String)value + '"';
        }
        if (value instanceof Enum<?> constant)
        {
            return switch (constant.name())
            {
                case "TRUE" -> "true";
                case "FALSE" -> "false";
                case "NULL_VAL" -> "None";
                default -> camel(constant.name());
            };
        }
        return String.valueOf(value);
    }

    private static List<Element> children(final Element parent)
    {
        final List<Element> elements = new ArrayList<>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling())
        {
            if (node instanceof Element)
            {
                elements.add((Element)node);
            }
        }
        return elements;
    }

    private static String capital(final String name)
    {
        return Character.toUpperCase(name.charAt(0)) + name.substring(1);
    }

    private static String snake(final String name)
    {
        return name.replaceAll("(?<=[a-z0-9])([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    private static String camel(final String constant)
    {
        final StringBuilder camel = new StringBuilder();
        for (final String word : constant.toLowerCase(Locale.ROOT).split("_"))
        {
            camel.append(capital(word));
        }
        return camel.toString();
    }
}
