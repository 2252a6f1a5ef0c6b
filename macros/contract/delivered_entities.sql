{#- What staging makes of each delivered file: stg_ukltd__companies of CI01, and so on. -#}
{%- macro delivered_entities() -%}
    {{- return({
        'CI01': 'companies',
        'AC01': 'accounts',
        'AC06': 'accounts_ratios',
        'MR01': 'charges',
        'MR02': 'chargeholders',
        'LUAT01': 'accounts_types',
        'LUCT01': 'company_types',
        'LUDF01': 'discharge_states',
        'LUFA01': 'registers',
        'LUFT01': 'charge_forms',
        'LULQ01': 'legal_statuses',
        'LUSC01': 'sic03_activities',
        'LUSC02': 'sic07_activities',
    }) -}}
{%- endmacro -%}
