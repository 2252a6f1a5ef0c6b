{#-
    The group of a company's type: the seed's, else the lookup's description in lower case, else unknown. Takes the names
    of the two relations left joined to the company.
-#}
{%- macro company_group(other_company_types, company_types) -%}
    coalesce({{ other_company_types }}.company_group, lower({{ company_types }}.description), 'unknown')
{%- endmacro -%}
